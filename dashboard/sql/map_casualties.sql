-- People killed or injured by area and year, for the map: the chosen figure of each, never a sum.
SELECT
    area,
    area_name,
    calendar_year AS year,
    total AS value,
    CASE
        WHEN lower_bound THEN 'at least'
        WHEN is_partial_year THEN 'part of the year'
        WHEN is_other_scope THEN 'another scope'
    END AS bound,
    entry_id,
    report,
    edition,
    source_url
FROM casualties_by_area_year
WHERE total IS NOT NULL
    AND area IN (SELECT area FROM areas WHERE kind IN ('country', 'other area', 'historic'))
ORDER BY area_name, area, calendar_year
