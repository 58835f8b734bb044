-- Watched pages of one source that a person has to read, with what is said of each.
SELECT issues.vintage_sha256, issues.raw_value
FROM issues
WHERE issues.source_id = $source_id AND EXISTS (
    SELECT 1
    FROM watches
    WHERE watches.source_id = issues.source_id AND watches.vintage_sha256 = issues.vintage_sha256
);
