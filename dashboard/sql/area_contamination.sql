-- Estimates of contamination in one area, newest first.
SELECT * FROM contamination WHERE area = $area ORDER BY as_of DESC, hazard, entry_id
