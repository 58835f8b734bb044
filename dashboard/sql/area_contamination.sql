-- Estimates of contamination in one area, newest first.
SELECT * FROM contamination WHERE area = $area ORDER BY estimate_date DESC, hazard, entry_id
