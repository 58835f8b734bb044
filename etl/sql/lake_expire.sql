-- Forgets snapshots, and removes the files that no other one needs.
CALL ducklake_expire_snapshots('lake', versions => {versions});
CALL ducklake_cleanup_old_files('lake', cleanup_all => true);
