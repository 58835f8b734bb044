-- Money by fiscal year and account over all countries with a table, and how many countries that is.
-- Fiscal years 2013 and 2014 were read for few countries, so only years with a table for all are given.
WITH countries AS (
    SELECT fiscal_year, count(DISTINCT area) AS areas_count FROM coverage GROUP BY fiscal_year
)
SELECT
    coverage.fiscal_year,
    coverage.account,
    sum(coverage.amount_usd) AS amount_usd,
    count(DISTINCT coverage.area) FILTER (WHERE coverage.amount_usd > 0) AS paid_areas_count,
    any_value(countries.areas_count) AS areas_count
FROM coverage
JOIN countries USING (fiscal_year)
WHERE countries.areas_count = (SELECT max(areas_count) FROM countries)
GROUP BY ALL
ORDER BY fiscal_year, account
