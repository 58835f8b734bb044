-- Land released in one area, by year and kind of hazard; all editions.
SELECT
    *,
    edition_order IS NOT DISTINCT FROM max(edition_order) OVER (
        PARTITION BY series, year, hazard
    ) AS is_newest
FROM clearance
WHERE area = $area
ORDER BY year DESC, hazard, edition_order DESC, area, series, entry_id
