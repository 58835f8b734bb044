-- The records that a scan took, with their numbers: the header is 1.
SELECT rowid + 2 AS "row", taken FROM scanned WHERE taken IS NOT NULL ORDER BY rowid
