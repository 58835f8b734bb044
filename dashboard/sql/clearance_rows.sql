-- Land released and items destroyed in one area, all editions side by side, newest year first.
SELECT clearance.*, series.title AS series_title
FROM clearance
LEFT JOIN series USING (series)
WHERE clearance.area = $area
ORDER BY year DESC, hazard, edition_order DESC NULLS LAST, entry_id
