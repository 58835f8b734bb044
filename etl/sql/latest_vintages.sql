-- The newest vintage of each file of one source, of those with the given verdicts.
SELECT file, vintage_sha256, size_bytes, retrieved_at, origin, status, code_version
FROM vintages
WHERE source_id = $source_id AND list_contains($statuses, status)
QUALIFY row_number() OVER (PARTITION BY file ORDER BY recorded_in DESC) = 1
ORDER BY file;
