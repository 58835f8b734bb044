-- How many people a register of victims has for one area, by calendar year, newest first.
SELECT
    source_id, series, year,
    count(*) FILTER (WHERE outcome = 'killed') AS killed,
    count(*) FILTER (WHERE outcome = 'injured') AS injured,
    count(*) AS people,
    year = max(year) OVER (PARTITION BY series) AS is_newest_year,
    any_value(report) AS report,
    any_value(edition) AS edition,
    any_value(source_url) AS source_url
FROM casualty_events
WHERE area = $area
GROUP BY source_id, series, year
ORDER BY series, year DESC
