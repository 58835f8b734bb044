-- Names the ledger that the transaction's snapshot is.
CALL ducklake_set_commit_message('lake', 'hma', $name, extra_info => $extra);
