-- One record of a large CSV, told apart from the others as the scan does it. Nothing after it is read.
SELECT * FROM {file} LIMIT 1 OFFSET $before
