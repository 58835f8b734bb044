-- Every snapshot before one of them; PostgreSQL answers.
SELECT snapshot_id FROM ducklake_snapshot WHERE snapshot_id < {snapshot} ORDER BY snapshot_id
