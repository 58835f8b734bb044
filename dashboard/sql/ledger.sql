-- The ledger that the page reads: its last refresh, and how many figures it holds.
SELECT
    refresh,
    strftime(finished_at, '%Y-%m-%d %H:%M') AS finished,
    code_version,
    (SELECT count(*) FROM funding) + (SELECT count(*) FROM casualties)
        + (SELECT count(*) FROM clearance) + (SELECT count(*) FROM contamination)
        + (SELECT count(*) FROM treaty_status) + (SELECT count(*) FROM program_events)
        + (SELECT count(*) FROM funding_shares) + (SELECT count(*) FROM program_activities)
        + (SELECT count(*) FROM deflators) AS entries,
    (SELECT count(*) FROM issues) AS issues,
    (SELECT count(*) FROM rejects) AS rejects
FROM refreshes
ORDER BY refresh DESC
LIMIT 1
