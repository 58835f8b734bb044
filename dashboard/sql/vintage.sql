-- Where the bytes of one vintage came from, and when they were archived.
SELECT file, origin, strftime(retrieved_at, '%Y-%m-%d %H:%M') AS retrieved
FROM vintages
WHERE source_id = $source_id AND vintage_sha256 = $vintage
ORDER BY status <> 'accepted', recorded_in
LIMIT 1
