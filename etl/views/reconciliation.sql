-- What each source says that the United States gave one area in one year, beside State's report.
-- One row is one measure; nothing is added across measures, because they report the same dollars. Within a
-- measure the figures of one series and flow are added as far as the series allows it. State's report is the
-- sum of its accounts in the newest edition, as in coverage. The Monitor's row is the United States' line in
-- the newest edition that prints the recipient's table of the year.
WITH figures AS (
    SELECT
        measures.measure,
        funding.*,
        series.is_additive,
        is_newest_edition(
            funding.edition_order, funding.series, series.page_of, funding.donor,
            funding.area_as_printed, funding.year
        ) AS is_newest
    FROM funding
    JOIN measures ON measures.series = funding.series
    JOIN series ON series.series = funding.series AND series.source_id = funding.source_id
    WHERE funding.year IS NOT NULL AND NOT funding.is_cumulative AND NOT funding.is_printed_total
        AND funding.status = 'actual'
),
summed AS (
    SELECT
        figures.measure,
        figures.area,
        coalesce(areas.name, figures.area_as_printed) AS area_name,
        figures.year,
        figures.year_basis,
        figures.flow,
        CASE WHEN any_value(figures.is_additive) OR count(*) = 1 THEN sum(figures.amount_usd) END
            AS amount_usd,
        CASE WHEN count(DISTINCT coalesce(figures.precision, '')) = 1
            THEN any_value(figures.precision) END AS precision,
        count(*) > count(figures.amount_usd) AS is_incomplete,
        count(*) AS entries_count,
        CASE WHEN count(*) = 1 THEN any_value(figures.entry_id) END AS only_entry_id,
        figures.source_id,
        figures.series,
        NULL::VARCHAR AS remark
    FROM figures
    LEFT JOIN areas ON areas.area = figures.area
    WHERE figures.is_newest
        AND (figures.measure <> 'monitor' OR figures.donor = 'United States')
    GROUP BY
        figures.measure, figures.area, coalesce(areas.name, figures.area_as_printed), figures.year,
        figures.year_basis, figures.flow, figures.source_id, figures.series
),
not_listed AS (
    SELECT
        'monitor' AS measure, area, area_name, calendar_year AS year, 'calendar' AS year_basis,
        'contribution' AS flow, NULL::DECIMAL(18, 2) AS amount_usd, NULL::VARCHAR AS precision,
        false AS is_incomplete, 0 AS entries_count, NULL::VARCHAR AS only_entry_id, source_id,
        'monitor_recipient_tables' AS series,
        'The Monitor''s table of the year was read whole and lists no U.S. contribution.' AS remark
    FROM dependency
    WHERE basis = 'monitor' AND is_newest_edition AND NOT is_us_listed
),
said AS (
    SELECT * FROM summed
    UNION ALL BY NAME
    SELECT * FROM not_listed
),
reference AS (
    SELECT area, area_name, year, amount_usd AS reference_usd
    FROM summed
    WHERE measure = 'state_report'
),
misprinted AS (
    SELECT
        area, area_name, fiscal_year AS year,
        'The page prints a total of ' || format('${:,}', any_value(printed_total_usd)::BIGINT)
            || '; its accounts add to the sum shown.' AS remark
    FROM coverage
    WHERE NOT is_total_confirmed
    GROUP BY area, area_name, fiscal_year
)
SELECT
    said.area,
    said.area_name,
    said.year,
    said.year_basis,
    said.measure,
    said.flow,
    said.amount_usd,
    said.precision,
    said.is_incomplete,
    said.entries_count,
    count(DISTINCT said.source_id) FILTER (WHERE said.amount_usd IS NOT NULL) OVER (
        PARTITION BY said.area, said.area_name, said.year
    ) AS sources_count,
    reference.reference_usd,
    CASE WHEN said.measure <> 'state_report' THEN said.amount_usd - reference.reference_usd END
        AS difference_usd,
    CASE WHEN said.measure <> 'state_report' AND reference.reference_usd <> 0
        THEN round(said.amount_usd::DOUBLE / reference.reference_usd::DOUBLE, 4) END AS ratio,
    said.year_basis = 'fiscal' AS is_same_year_basis,
    said.only_entry_id,
    said.source_id,
    said.series,
    coalesce(said.remark, CASE said.measure WHEN 'state_report' THEN misprinted.remark END) AS remark,
    measures.why
FROM said
JOIN measures ON measures.measure = said.measure
LEFT JOIN reference
    ON reference.area IS NOT DISTINCT FROM said.area
    AND reference.area_name = said.area_name
    AND reference.year = said.year
LEFT JOIN misprinted
    ON misprinted.area IS NOT DISTINCT FROM said.area
    AND misprinted.area_name = said.area_name
    AND misprinted.year = said.year
