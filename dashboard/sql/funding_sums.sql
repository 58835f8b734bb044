-- For each series and flow among the filtered rows: how many there are, and the sum of those that may be
-- added: single years, no printed totals, actual figures that are no bounds, and only the newest edition
-- of each page and year, whole, so that no dollar of an earlier edition is added to it. Tables that were
-- read in part would give a floor, so they are left out.
WITH ranked AS (
    SELECT
        funding.*,
        series.title AS series_title,
        series.caution,
        series.is_additive,
        constant.amount_2024_usd,
        is_newest_edition(
            funding.edition_order, funding.series, series.page_of, funding.donor,
            funding.area_as_printed, funding.year
        ) AS is_newest
    FROM funding
    JOIN series ON series.series = funding.series AND series.source_id = funding.source_id
    LEFT JOIN (SELECT entry_id AS figure, amount_2024_usd FROM funding_constant) AS constant
        ON constant.figure = funding.entry_id
),
chosen AS (
    SELECT
        *,
        is_newest AND NOT is_cumulative AND NOT is_printed_total AND status = 'actual'
            AND amount_usd IS NOT NULL AND precision IN ('exact', 'rounded')
            AND sum_check IS DISTINCT FROM 'table read in part only' AS may_add
    FROM ranked
    WHERE {condition}
)
SELECT
    source_id,
    series,
    any_value(series_title) AS series_title,
    any_value(caution) AS caution,
    any_value(is_additive) AS is_additive,
    flow,
    year_basis,
    count(*) AS rows_count,
    count(*) FILTER (WHERE may_add) AS added_count,
    sum(amount_usd) FILTER (WHERE may_add) AS sum_usd,
    sum(amount_2024_usd) FILTER (WHERE may_add) AS sum_2024_usd,
    count(amount_2024_usd) FILTER (WHERE may_add) AS deflated_count,
    list(DISTINCT year ORDER BY year) FILTER (WHERE may_add AND amount_2024_usd IS NULL)
        AS years_without_index,
    min(year) FILTER (WHERE may_add) AS first_year,
    max(year) FILTER (WHERE may_add) AS last_year,
    list(DISTINCT year ORDER BY year) FILTER (WHERE may_add) AS years,
    count(DISTINCT coalesce(area, area_as_printed)) FILTER (WHERE may_add) AS areas_count
FROM chosen
GROUP BY source_id, series, flow, year_basis
ORDER BY rows_count DESC, series, flow, year_basis
