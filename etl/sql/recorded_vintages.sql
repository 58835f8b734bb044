-- The vintages that one refresh put on the record.
SELECT source_id, file, vintage_sha256, status
FROM vintages
WHERE recorded_in = $refresh
ORDER BY source_id, file;
