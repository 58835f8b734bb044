-- U.S. money by area over a span of fiscal years, for the map: one scope, the newest edition of each year.
-- A sum of single years of one series; a year without a row makes it a part of the span, not a zero.
SELECT
    area,
    area_name,
    sum(amount_usd) AS value,
    CASE WHEN count(DISTINCT fiscal_year) FILTER (WHERE amount_usd IS NOT NULL) <= $last - $first
        THEN 'part of the years' END AS bound,
    CASE WHEN count(*) = 1 THEN min(entry_id) END AS entry_id,
    min(report) AS report,
    string_agg(DISTINCT edition, ', ' ORDER BY edition) AS edition,
    CASE WHEN count(DISTINCT source_url) = 1 THEN min(source_url) END AS source_url
FROM coverage
WHERE fiscal_year BETWEEN $first AND $last
    AND ($scope = 'all' OR account = 'DoD')
    AND area IN (SELECT area FROM areas WHERE kind IN ('country', 'other area', 'historic'))
GROUP BY area, area_name
HAVING count(amount_usd) > 0
ORDER BY area_name, area
