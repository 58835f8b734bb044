-- The last decision about one vintage.
SELECT verdict, who, because
FROM decisions
WHERE source_id = $source_id AND vintages_sha256 = $vintages_sha256
ORDER BY recorded_in DESC
LIMIT 1;
