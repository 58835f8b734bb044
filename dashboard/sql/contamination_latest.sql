-- The latest estimate of every area and kind of hazard, from the newest edition that prints it.
SELECT contamination.*, areas.name AS area_name
FROM contamination
JOIN areas USING (area)
QUALIFY row_number() OVER (
    PARTITION BY area, hazard ORDER BY estimate_date DESC, edition_order DESC NULLS LAST, entry_id
) = 1
ORDER BY area_name, hazard
