-- The refreshes up to the one looked back to, newest first, with what each changed.
SELECT
    refresh,
    strftime(finished_at, '%Y-%m-%d') AS day,
    strftime(finished_at, '%Y-%m-%d %H:%M') AS finished,
    added, revised, withdrawn, restored, code_version
FROM refreshes
ORDER BY refresh DESC
