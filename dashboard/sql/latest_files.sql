-- The last vintage of every file of every source, and what became of it.
SELECT
    source_id, file, vintage_sha256, size_bytes, origin, status, recorded_in,
    strftime(retrieved_at, '%Y-%m-%d %H:%M') AS retrieved
FROM vintages
QUALIFY row_number() OVER (PARTITION BY source_id, file ORDER BY recorded_in DESC) = 1
ORDER BY source_id, file
