-- The refreshes, newest first.
SELECT
    refresh,
    strftime(finished_at, '%Y-%m-%d %H:%M:%S') AS finished,
    added, revised, withdrawn, restored, code_version, parent_manifest_sha256
FROM refreshes
ORDER BY refresh DESC;
