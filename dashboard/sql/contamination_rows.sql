-- What was estimated to be left in the ground of one area, every estimate and edition, newest first.
SELECT contamination.*, series.title AS series_title
FROM contamination
LEFT JOIN series USING (series)
WHERE contamination.area = $area
ORDER BY estimate_date DESC, hazard, edition_order DESC NULLS LAST, entry_id
