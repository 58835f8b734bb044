-- How many people, or how many accidents, each register has for one area by calendar year, newest first.
-- People and accidents are rows of different series and are never counted together.
SELECT
    held.source_id, held.series, held.unit, held.year,
    count(*) FILTER (WHERE held.outcome = 'killed') AS killed,
    count(*) FILTER (WHERE held.outcome = 'injured') AS injured,
    count(*) AS rows_count,
    held.year = max(held.year) OVER (PARTITION BY held.series, held.unit) AS is_newest_year,
    any_value(held.report) AS report,
    any_value(held.edition) AS edition,
    any_value(held.source_url) AS source_url,
    any_value(series.title) AS title,
    any_value(series.caution) AS caution
FROM casualty_events AS held
LEFT JOIN series ON series.series = held.series AND series.source_id = held.source_id
WHERE held.area = $area
GROUP BY held.source_id, held.series, held.unit, held.year
ORDER BY held.unit DESC, held.series, held.year DESC
