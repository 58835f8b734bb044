-- The columns of every table of an attached file, in their order.
SELECT schema_name || '.' || table_name AS name, column_name
FROM duckdb_columns()
WHERE database_name = $database
    AND NOT internal
    AND (schema_name, table_name) IN (
        SELECT (schema_name, table_name) FROM duckdb_tables() WHERE database_name = $database
    )
ORDER BY name, column_index;
