-- The hashes of a ledger's tables as its snapshot names them; PostgreSQL answers.
SELECT commit_extra_info::json ->> 'tables' FROM ducklake_snapshot_changes WHERE snapshot_id = {snapshot}
