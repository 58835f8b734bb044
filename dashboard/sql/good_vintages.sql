-- The newest vintage in use of every file of every source. Grouped, because DuckDB 1.5.5 drops the condition
-- of a QUALIFY row_number() = 1 whose filtered column is not selected.
SELECT
    source_id, file,
    arg_max(vintage_sha256, recorded_in) AS vintage_sha256,
    arg_max(origin, recorded_in) AS origin,
    strftime(arg_max(retrieved_at, recorded_in), '%Y-%m-%d %H:%M') AS retrieved
FROM vintages
WHERE status = 'accepted'
GROUP BY source_id, file
ORDER BY source_id, retrieved DESC, file
