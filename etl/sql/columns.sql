-- The columns of all tables.
SELECT schema_name, table_name, column_name FROM duckdb_columns() WHERE NOT internal;
