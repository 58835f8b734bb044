-- What people decided about vintages on hold, newest first.
SELECT
    source_id, vintages_sha256, files, verdict, who, because, overruled, recorded_in,
    strftime(decided_at, '%Y-%m-%d %H:%M') AS decided
FROM decisions
ORDER BY recorded_in DESC, source_id, vintages_sha256, verdict
