-- Who got the money: each series' yearly figures by organisation, area and the agency that paid.
-- One row is one organisation in one area and year, in one series and flow: rows of two series, or of two
-- flows, report the same dollars and are never added. A series stands here if it names an organisation
-- anywhere; its figures without one are kept, so that the named are not taken for all. Lifetime totals of
-- awards, sums over years and printed totals are no yearly figures and stand in funding.
WITH names AS (
    SELECT spelling_folded, min(implementer) AS implementer
    FROM (
        SELECT
            implementer,
            folded(unnest(string_split(concat_ws(' ; ', implementer, spellings), ' ; '))) AS spelling_folded
        FROM implementers
    )
    GROUP BY spelling_folded
),
figures AS (
    SELECT
        funding.*,
        folded(funding.implementer) AS folded,
        series.is_additive,
        is_newest_edition(
            funding.edition_order, funding.series, series.page_of, funding.donor,
            funding.area_as_printed, funding.year
        ) AS is_newest
    FROM funding
    JOIN series ON series.series = funding.series AND series.source_id = funding.source_id
    WHERE funding.series IN (SELECT series FROM funding WHERE implementer IS NOT NULL)
        AND funding.year IS NOT NULL AND NOT funding.is_cumulative
        AND NOT funding.is_printed_total AND funding.status = 'actual'
)
SELECT
    figures.source_id,
    figures.series,
    figures.flow,
    coalesce(names.implementer, figures.implementer) AS implementer,
    any_value(implementers.kind) AS implementer_kind,
    any_value(implementers.home_area) AS home_area,
    names.implementer IS NOT NULL AS is_matched,
    string_agg(DISTINCT figures.implementer, ' ; ' ORDER BY figures.implementer) AS spellings_seen,
    figures.agency,
    figures.account,
    figures.area,
    coalesce(areas.name, figures.area_as_printed) AS area_name,
    figures.year,
    figures.year_basis,
    CASE WHEN any_value(figures.is_additive) OR count(*) = 1 THEN sum(figures.amount_usd) END
        AS amount_usd,
    count(*) > count(figures.amount_usd) AS is_incomplete,
    count(*) AS entries_count,
    any_value(figures.is_additive) AS is_additive
FROM figures
LEFT JOIN names ON names.spelling_folded = figures.folded
LEFT JOIN implementers ON implementers.implementer = names.implementer
LEFT JOIN areas ON areas.area = figures.area
WHERE figures.is_newest
GROUP BY
    figures.source_id, figures.series, figures.flow,
    coalesce(names.implementer, figures.implementer), names.implementer IS NOT NULL,
    figures.agency, figures.account, figures.area,
    coalesce(areas.name, figures.area_as_printed), figures.year, figures.year_basis
