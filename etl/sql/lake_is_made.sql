-- Whether the catalog's database holds a lake; PostgreSQL answers.
SELECT count(*) > 0 FROM information_schema.tables WHERE table_name = 'ducklake_snapshot_changes'
