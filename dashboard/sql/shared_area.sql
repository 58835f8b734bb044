-- What the ledger says of one area in one row, by its code or its name.
SELECT * FROM area_profile WHERE area = $area OR area_name = $area ORDER BY area LIMIT 1
