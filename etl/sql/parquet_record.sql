-- One record of a Parquet file, its values as text.
SELECT COLUMNS(*)::VARCHAR FROM read_parquet($path) LIMIT 1 OFFSET $before
