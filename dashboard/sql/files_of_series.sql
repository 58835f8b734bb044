-- The archived files that the rows of one series of money were read from.
SELECT file, origin, strftime(retrieved_at, '%Y-%m-%d') AS day
FROM vintages
WHERE source_id = $source_id
    AND vintage_sha256 IN (
        SELECT vintage_sha256 FROM funding WHERE source_id = $source_id AND series = $series
    )
QUALIFY row_number() OVER (
    PARTITION BY vintage_sha256 ORDER BY status <> 'accepted', recorded_in
) = 1
ORDER BY day DESC, file
