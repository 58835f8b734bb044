-- How many records a scan read.
SELECT count(*) FROM scanned
