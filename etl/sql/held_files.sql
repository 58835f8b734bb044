-- The files of one source whose newest vintage is on hold.
SELECT file, vintage_sha256
FROM vintages
WHERE source_id = $source_id
QUALIFY row_number() OVER (PARTITION BY file ORDER BY recorded_in DESC) = 1 AND status = 'held'
ORDER BY file;
