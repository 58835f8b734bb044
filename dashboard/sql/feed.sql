-- The refreshes, newest first, each with the first digits of its manifest's hash: the next refresh names
-- it, and the newest one's stands in the name of the ledger.
SELECT
    refresh,
    finished_at,
    coalesce(
        lead(parent_manifest_sha256) OVER (ORDER BY refresh)[:$digits],
        $newest
    ) AS manifest
FROM refreshes
ORDER BY refresh DESC
