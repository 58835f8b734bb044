-- Every refresh that the ledger knows, newest first, also those later than the one looked back to.
SELECT
    refresh,
    strftime(finished_at, '%Y-%m-%d') AS day,
    strftime(finished_at, '%Y-%m-%d %H:%M') AS finished
FROM history.refreshes
ORDER BY refresh DESC
