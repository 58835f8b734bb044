-- One series' money in a few areas: by area, year and payer, what may be added, nominal and in dollars of 2024.
-- What is added: single years of the newest edition, no printed totals, no bounds, no tables read in part. How
-- many figures that leaves out is said; a year of which all are left out has no amount, which is no zero.
WITH ranked AS (
    SELECT
        funding.*,
        constant.amount_2024_usd,
        is_newest_edition(
            funding.edition_order, funding.series, series.page_of, funding.donor,
            funding.area_as_printed, funding.year
        ) AS is_newest
    FROM funding
    JOIN series ON series.series = funding.series AND series.source_id = funding.source_id
    LEFT JOIN (SELECT entry_id AS figure, amount_2024_usd FROM funding_constant) AS constant
        ON constant.figure = funding.entry_id
    WHERE funding.series = $series AND series.is_additive
),
chosen AS (
    SELECT
        *,
        CASE
            WHEN account NOT IN ('Not stated', 'All accounts') THEN account
            WHEN donor_area = 'USA' OR lower(donor) = 'united states' THEN 'United States'
            ELSE 'other donors'
        END AS payer,
        amount_usd IS NOT NULL AND precision IN ('exact', 'rounded')
            AND sum_check IS DISTINCT FROM 'table read in part only' AS may_add
    FROM ranked
    WHERE is_newest AND year IS NOT NULL AND status = 'actual'
        AND NOT is_cumulative AND NOT is_printed_total AND list_contains($areas, area)
)
SELECT
    chosen.area,
    any_value(areas.name) AS area_name,
    chosen.year,
    chosen.year_basis,
    chosen.payer,
    sum(amount_usd) FILTER (WHERE may_add) AS amount_usd,
    CASE WHEN count(*) FILTER (WHERE may_add AND amount_2024_usd IS NULL) = 0
        THEN sum(amount_2024_usd) FILTER (WHERE may_add) END AS amount_2024_usd,
    count(*) FILTER (WHERE may_add) AS added_count,
    count(*) FILTER (WHERE NOT may_add) AS left_out_count,
    CASE WHEN count(*) = 1 THEN min(entry_id) END AS entry_id,
    min(report) AS report,
    string_agg(DISTINCT edition, ', ' ORDER BY edition) AS edition,
    list(DISTINCT edition ORDER BY edition) AS editions,
    CASE WHEN count(DISTINCT chosen.source_url) = 1 THEN min(chosen.source_url) END AS source_url
FROM chosen
JOIN areas ON areas.area = chosen.area
GROUP BY chosen.area, chosen.year, chosen.year_basis, chosen.payer
ORDER BY area_name, chosen.area, chosen.year, chosen.payer
