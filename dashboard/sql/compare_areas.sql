-- The countries and areas of which one series has single years, those with the most money first.
SELECT
    funding.area,
    areas.name AS area_name,
    sum(funding.amount_usd) FILTER (
        WHERE NOT funding.is_cumulative AND NOT funding.is_printed_total AND funding.status = 'actual'
            AND precision IN ('exact', 'rounded')
            AND sum_check IS DISTINCT FROM 'table read in part only'
    ) AS sum_usd
FROM funding
JOIN areas USING (area)
WHERE funding.series = $series AND funding.year IS NOT NULL
    AND areas.kind IN ('country', 'other area', 'historic')
GROUP BY funding.area, areas.name
HAVING sum_usd IS NOT NULL
ORDER BY sum_usd DESC, funding.area
