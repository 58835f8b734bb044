-- Every table and view of one database, by schema and name.
SELECT schema_name, name
FROM (
    SELECT database_name, schema_name, table_name AS name FROM duckdb_tables() WHERE NOT internal
    UNION ALL
    SELECT database_name, schema_name, view_name AS name FROM duckdb_views() WHERE NOT internal
)
WHERE database_name = coalesce($database, current_database())
ORDER BY ALL;
