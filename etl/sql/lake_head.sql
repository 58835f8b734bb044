-- The newest snapshot, whoever made it; PostgreSQL answers.
SELECT max(snapshot_id) FROM ducklake_snapshot
