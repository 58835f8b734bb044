-- The definition of every view, by schema and name.
SELECT schema_name || '.' || view_name, sql FROM duckdb_views() WHERE NOT internal;
