-- The series whose single years may be added, with how many countries and areas each has figures of;
-- State's own report first, then what comes with the project.
SELECT
    series.series,
    any_value(series.title) AS title,
    any_value(sources.title) AS source_title,
    any_value(series.caution) AS caution,
    any_value(funding.year_basis) AS year_basis,
    any_value(funding.flow) AS flow,
    count(DISTINCT funding.area) AS areas_count
FROM funding
JOIN series ON series.series = funding.series AND series.source_id = funding.source_id
JOIN sources ON sources.source_id = funding.source_id
JOIN areas ON areas.area = funding.area
WHERE series.is_additive
    AND areas.kind IN ('country', 'other area', 'historic')
    AND funding.year IS NOT NULL AND funding.amount_usd IS NOT NULL
    AND NOT funding.is_cumulative AND NOT funding.is_printed_total AND funding.status = 'actual'
GROUP BY series.series
HAVING count(DISTINCT funding.year_basis) = 1 AND count(DISTINCT funding.flow) = 1
ORDER BY series.series <> 'tweis_country_table', min(sources.status <> 'transcribed'), areas_count DESC, series.series
