-- What one series' money for an area and year is a person, and in per cent of the area's GDP.
-- One row is one series, flow and payer; nothing is added across series. Only series that may be added are here,
-- and of them only what may: single years, no printed totals, actual figures that are no bounds, the newest
-- edition of each page and year, no table read in part. Population and GDP are those of the year of the same
-- number; where there is none the rate is null. A region or the world is no area that people live in here, and is
-- left out. Nominal dollars stand over the GDP in dollars of the same year, so no index is needed.
WITH figures AS (
    SELECT
        funding.*,
        CASE WHEN coalesce(funding.donor_area = 'USA', funding.donor = 'United States') THEN 'United States'
            ELSE 'other donors' END AS payer,
        is_newest_edition(
            funding.edition_order, funding.series, series.page_of, funding.donor,
            funding.area_as_printed, funding.year
        ) AS is_newest,
        funding.amount_usd IS NOT NULL AND funding.precision IN ('exact', 'rounded')
            AND funding.sum_check IS DISTINCT FROM 'table read in part only' AS may_add
    FROM funding
    JOIN series ON series.series = funding.series AND series.source_id = funding.source_id
    WHERE series.is_additive AND funding.year IS NOT NULL AND NOT funding.is_cumulative
        AND NOT funding.is_printed_total AND funding.status = 'actual'
),
sums AS (
    SELECT
        figures.source_id, figures.series, figures.flow, figures.payer, figures.area, figures.year,
        figures.year_basis,
        areas.name AS area_name,
        sum(figures.amount_usd) FILTER (WHERE may_add) AS amount_usd,
        NOT bool_and(may_add IS TRUE) AS is_incomplete,
        count(*) FILTER (WHERE may_add) AS entries_count
    FROM figures
    JOIN areas
        ON areas.area = figures.area AND areas.kind IN ('country', 'other area', 'historic')
    WHERE figures.is_newest
    GROUP BY ALL
    HAVING entries_count > 0
),
inhabitants AS (
    SELECT * FROM population
    WHERE area IS NOT NULL
    QUALIFY row_number() OVER (
        PARTITION BY area, year
        ORDER BY series, edition_order DESC NULLS LAST, edition, entry_id
    ) = 1
),
economies AS (
    SELECT * FROM gdp
    WHERE area IS NOT NULL
    QUALIFY row_number() OVER (
        PARTITION BY area, year
        ORDER BY series, edition_order DESC NULLS LAST, edition, entry_id
    ) = 1
)
SELECT
    sums.source_id,
    sums.series,
    sums.flow,
    sums.payer,
    sums.area,
    sums.area_name,
    sums.year,
    sums.year_basis,
    sums.amount_usd,
    sums.is_incomplete,
    sums.entries_count,
    inhabitants.people,
    round(sums.amount_usd::DOUBLE / nullif(inhabitants.people, 0), 6) AS usd_per_person,
    economies.gdp_usd,
    round(100 * sums.amount_usd::DOUBLE / nullif(economies.gdp_usd, 0)::DOUBLE, 8) AS percent_of_gdp,
    sums.year_basis = 'calendar' AS is_same_year_basis,
    inhabitants.entry_id AS population_entry_id,
    inhabitants.source_id AS population_source_id,
    inhabitants.report AS population_report,
    inhabitants.edition AS population_edition,
    inhabitants.vintage_sha256 AS population_vintage_sha256,
    economies.entry_id AS gdp_entry_id,
    economies.source_id AS gdp_source_id,
    economies.edition AS gdp_edition,
    economies.vintage_sha256 AS gdp_vintage_sha256
FROM sums
LEFT JOIN inhabitants ON inhabitants.area = sums.area AND inhabitants.year = sums.year
LEFT JOIN economies ON economies.area = sums.area AND economies.year = sums.year
