-- The U.S. share of an area's mine action money by year, for the map: the Monitor's tables, newest edition.
-- A table read whole that does not list the United States is no printed zero, so it says so.
SELECT
    area,
    area_name,
    calendar_year AS year,
    us_share_percent AS value,
    CASE
        WHEN NOT is_us_listed THEN 'U.S. not listed'
        WHEN is_approximate THEN 'about'
    END AS bound,
    coalesce(us_entry_id, total_entry_id) AS entry_id,
    report,
    edition,
    source_url
FROM dependency
WHERE basis = 'monitor' AND is_newest_edition AND us_share_percent IS NOT NULL
    AND area IN (SELECT area FROM areas WHERE kind IN ('country', 'other area', 'historic'))
ORDER BY area_name, area, calendar_year
