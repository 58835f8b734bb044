-- Who pays for mine action in each area and calendar year, donor by donor, on one basis at a time.
-- A basis is one series and one flow of one source (table bases). A row adds the figures of one donor within
-- one basis, edition and page; nothing is added across bases, because they report the same money. Groups of
-- donors, printed totals and sums over years are left out. Regional and worldwide recipients are lines of
-- their own. A share is given only where the whole is known; why_no_share says what is in the way.
WITH figures AS (
    SELECT
        bases.basis,
        bases.is_printed_table,
        bases.totals_series,
        funding.*,
        coalesce(areas.name, funding.area_as_printed) AS area_name,
        CASE WHEN bases.is_printed_table
            THEN concat_ws(' ', funding.area_as_printed, funding.source_url) END AS page,
        coalesce(funding.donor_area = 'USA', funding.donor = 'United States') AS is_us,
        funding.donor <> 'Not stated' AND (funding.donor_area IS NOT NULL OR NOT contains(funding.donor, '; '))
            AS is_one_donor,
        is_newest_edition(
            funding.edition_order, funding.series, series.page_of, funding.donor,
            funding.area_as_printed, funding.year
        ) AS is_newest_edition,
        sources.url AS home
    FROM funding
    JOIN bases ON bases.series = funding.series AND bases.flow = funding.flow
    JOIN series ON series.series = funding.series AND series.source_id = funding.source_id
    JOIN sources ON sources.source_id = funding.source_id
    LEFT JOIN areas ON areas.area = funding.area
    WHERE funding.year IS NOT NULL AND NOT funding.is_cumulative AND NOT funding.is_printed_total
        AND funding.status = 'actual' AND series.is_additive
),
by_donor AS (
    SELECT
        basis, is_printed_table, totals_series, area, area_name, year, edition, edition_order, page,
        donor, donor_area, is_us, is_one_donor, flow, source_id, series,
        sum(amount_usd) AS amount_usd,
        count(*) > count(amount_usd) AS is_incomplete,
        coalesce(bool_or(precision NOT IN ('exact', 'rounded')), false) AS is_bound,
        count(*) AS entries_count,
        CASE WHEN count(*) = 1 THEN min(entry_id) END AS only_entry_id,
        bool_and(is_newest_edition) AS is_newest_edition,
        min(area_as_printed) AS area_as_printed,
        min(report) AS report,
        CASE WHEN count(DISTINCT place) = 1 THEN min(place) END AS place,
        CASE WHEN count(DISTINCT source_url) = 1 THEN min(source_url) ELSE min(home) END AS source_url,
        min(sum_check) AS sum_check
    FROM figures
    GROUP BY ALL
),
tables AS (
    SELECT
        *,
        CASE WHEN is_printed_table THEN coalesce(sum_check LIKE 'rows sum%', false)
            ELSE count(DISTINCT donor) OVER (PARTITION BY basis, year) > 1 END AS is_read_whole,
        sum(amount_usd) OVER of_table AS rows_sum_usd,
        bool_or(is_incomplete) OVER of_table AS lacks_amounts,
        bool_or(coalesce(amount_usd < 0, false)) OVER of_table AS has_negative,
        bool_and(is_one_donor) OVER of_table AS names_donors
    FROM by_donor
    WINDOW of_table AS (PARTITION BY basis, area, area_name, year, edition, edition_order, page)
),
printed AS (
    SELECT
        series AS totals_series, area_as_printed, year, edition, source_url, amount_usd, precision,
        entry_id
    FROM funding
    WHERE series IN (SELECT totals_series FROM bases)
    QUALIFY row_number() OVER (
        PARTITION BY series, area_as_printed, year, edition, source_url
        ORDER BY (precision = 'exact') DESC, place, entry_id
    ) = 1
),
wholes AS (
    SELECT
        tables.*,
        printed.entry_id AS total_entry_id,
        CASE
            WHEN NOT tables.is_read_whole THEN printed.amount_usd
            WHEN NOT tables.lacks_amounts THEN tables.rows_sum_usd
        END AS all_donors_usd,
        CASE
            WHEN tables.is_read_whole AND tables.is_printed_table AND NOT tables.lacks_amounts
                THEN 'sum of the table, read whole'
            WHEN tables.is_read_whole AND NOT tables.lacks_amounts
                THEN 'sum of the donors that the source lists'
            WHEN NOT tables.is_read_whole AND printed.amount_usd IS NOT NULL
                THEN 'printed total; the table was read in part'
        END AS denominator,
        CASE
            WHEN NOT tables.is_read_whole AND NOT tables.is_printed_table
                THEN 'only one donor stands in the whole year, so a copy of that donor alone may have been read'
            WHEN NOT tables.is_read_whole AND printed.amount_usd IS NULL
                THEN 'the table was read in part, and no total is printed'
            WHEN tables.lacks_amounts AND tables.is_read_whole THEN 'a figure has no amount'
            WHEN NOT tables.names_donors THEN 'a figure names no donor, or several'
            WHEN tables.has_negative THEN 'a donor took back more than it gave'
            WHEN all_donors_usd <= 0 THEN 'the amounts add up to nothing'
        END AS why_no_share
    FROM tables
    LEFT JOIN printed
        ON printed.totals_series = tables.totals_series
        AND printed.area_as_printed = tables.area_as_printed
        AND printed.year = tables.year
        AND printed.edition = tables.edition
        AND printed.source_url = tables.source_url
)
SELECT
    basis,
    area,
    area_name,
    year AS calendar_year,
    donor,
    donor_area,
    is_us,
    is_one_donor,
    flow,
    amount_usd,
    CASE WHEN why_no_share IS NULL AND NOT is_incomplete
        THEN round(100 * amount_usd / all_donors_usd, 1)::DOUBLE END AS share_percent,
    is_incomplete,
    is_bound,
    entries_count,
    only_entry_id,
    all_donors_usd,
    denominator,
    why_no_share,
    is_read_whole,
    is_newest_edition,
    total_entry_id,
    sum_check,
    source_id,
    series,
    report,
    edition,
    edition_order,
    place,
    source_url
FROM wholes
