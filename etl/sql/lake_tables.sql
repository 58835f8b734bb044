-- The columns of every table of a lake right after one snapshot, in their order; PostgreSQL answers.
-- DuckDB's own list asks for the statistics of every column, one by one.
SELECT s.schema_name || '.' || t.table_name AS name, c.column_name
FROM ducklake_schema AS s
JOIN ducklake_table AS t USING (schema_id)
JOIN ducklake_column AS c USING (table_id)
WHERE s.begin_snapshot <= {snapshot} AND (s.end_snapshot IS NULL OR s.end_snapshot > {snapshot})
    AND t.begin_snapshot <= {snapshot} AND (t.end_snapshot IS NULL OR t.end_snapshot > {snapshot})
    AND c.begin_snapshot <= {snapshot} AND (c.end_snapshot IS NULL OR c.end_snapshot > {snapshot})
    AND c.parent_column IS NULL
ORDER BY s.schema_name, t.table_name, c.column_order
