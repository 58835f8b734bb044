-- Land cleared of mines by area and year, for the map: one series and one kind of hazard, newest edition.
-- Kinds of hazard overlap, so no other kind is added; where an edition prints two figures none is chosen.
SELECT
    area,
    areas.name AS area_name,
    year,
    area_cleared_km2 AS value,
    CASE area_cleared_precision
        WHEN 'floor' THEN 'at least' WHEN 'ceiling' THEN 'nearly' WHEN 'approximate' THEN 'about'
    END AS bound,
    entry_id,
    report,
    edition,
    source_url
FROM (
    SELECT *
    FROM clearance
    WHERE series = 'monitor_clearance' AND hazard = 'mines' AND area_cleared_km2 IS NOT NULL
    QUALIFY is_newest_edition(edition_order, series, 'area', '', area_as_printed, year)
)
JOIN areas USING (area)
WHERE areas.kind IN ('country', 'other area', 'historic')
QUALIFY count(*) OVER (PARTITION BY area, year) = 1
ORDER BY area_name, area, year
