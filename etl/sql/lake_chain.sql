-- The ledgers of a lake, oldest first, each a snapshot that says so; PostgreSQL answers.
SELECT
    snapshot_id,
    commit_message,
    commit_extra_info::json ->> 'format' AS format,
    commit_extra_info::json ->> 'changed' AS changed
FROM ducklake_snapshot_changes
WHERE author = 'hma'
ORDER BY snapshot_id
