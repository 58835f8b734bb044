-- The series of one fact table, with their sources.
SELECT DISTINCT '{name}' AS fact_table, series, source_id FROM {table}
