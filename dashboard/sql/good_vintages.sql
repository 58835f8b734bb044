-- The newest vintage in use of every file of every source.
SELECT source_id, file, vintage_sha256, origin, strftime(retrieved_at, '%Y-%m-%d %H:%M') AS retrieved
FROM vintages
WHERE status = 'accepted'
QUALIFY row_number() OVER (PARTITION BY source_id, file ORDER BY recorded_in DESC) = 1
ORDER BY source_id, retrieved_at DESC, file
