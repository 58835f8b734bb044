-- One refresh as it is cited: the day it was published, and the hash of its manifest. The next refresh names
-- that hash; the newest one's first digits stand in the name of the ledger.
SELECT refresh, day, manifest
FROM (
    SELECT
        refresh,
        strftime(finished_at, '%Y-%m-%d') AS day,
        coalesce(lead(parent_manifest_sha256) OVER (ORDER BY refresh), $newest) AS manifest
    FROM history.refreshes
)
WHERE refresh = $refresh
