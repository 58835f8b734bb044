-- Removes the files below a lake's folder that no snapshot names; a killed commit leaves some.
CALL ducklake_delete_orphaned_files('lake', cleanup_all => true);
