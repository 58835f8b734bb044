-- The U.S. share of an area's international mine-action funding, by calendar year, on one basis at a time.
-- Numerator and denominator come from the same basis, and from the same edition of the same page. Where a
-- printed table was read whole and does not list the United States, its share is 0; where it was read in part
-- that is unknown, and there is no row. A source that gathers reports and lists no U.S. money says nothing of
-- a zero: amount and share are null there.
WITH tables AS (
    SELECT
        basis, area, area_name, calendar_year, edition, edition_order, source_id, series, all_donors_usd,
        denominator, why_no_share, is_read_whole, total_entry_id,
        CASE WHEN bases.is_printed_table THEN donors.source_url END AS page,
        bases.is_printed_table,
        bool_or(is_us) AS is_us_listed,
        sum(amount_usd) FILTER (WHERE is_us) AS us_printed_usd,
        coalesce(bool_or(is_incomplete) FILTER (WHERE is_us), false) AS lacks_us_amounts,
        CASE WHEN count(*) FILTER (WHERE is_us) = 1
            THEN max(only_entry_id) FILTER (WHERE is_us) END AS us_entry_id,
        count(*) FILTER (WHERE amount_usd > 0) AS positive_count,
        count(*) FILTER (
            WHERE NOT is_us AND donor <> 'Not stated' AND coalesce(amount_usd > 0, true)
        ) AS others_count,
        round(sum(power(amount_usd::DOUBLE / all_donors_usd::DOUBLE, 2)) FILTER (WHERE amount_usd > 0), 4)
            AS squares,
        bool_or(is_bound) AS has_bounds,
        bool_and(is_newest_edition) AS is_newest_edition,
        min(report) AS report,
        CASE WHEN count(DISTINCT donors.place) = 1 THEN min(donors.place) END AS place,
        CASE WHEN count(DISTINCT donors.source_url) = 1 THEN min(donors.source_url) END AS one_url,
        min(sum_check) AS sum_check
    FROM donors
    JOIN bases USING (basis, series)
    GROUP BY ALL
),
retrieved AS (
    SELECT
        source_id,
        year(max(retrieved_at)) AS retrieved_year,
        coalesce(bool_or(starts_with(origin, 'given by hand on ')), false) AS is_by_hand
    FROM vintages
    WHERE status = 'accepted'
    GROUP BY source_id
),
-- A copy given by hand can be older than the day on which it was given; how much older, only dates in it tell.
last_dated AS (
    SELECT source_id, year, max(left(date, 4)::BIGINT) AS last_date_year
    FROM funding
    WHERE date IS NOT NULL AND year IS NOT NULL
    GROUP BY source_id, year
),
shares AS (
    SELECT
        tables.*,
        CASE
            WHEN lacks_us_amounts THEN NULL
            WHEN NOT is_us_listed AND is_printed_table AND is_read_whole THEN 0
            ELSE us_printed_usd
        END AS us_usd,
        max(others_count) OVER (
            PARTITION BY tables.source_id, area, area_name, calendar_year, edition, page
        ) AS others_in_source
    FROM tables
)
SELECT
    shares.basis,
    shares.area,
    shares.area_name,
    shares.calendar_year,
    shares.us_usd,
    shares.is_us_listed,
    shares.all_donors_usd,
    shares.denominator,
    CASE WHEN shares.why_no_share IS NULL
        THEN round(100 * shares.us_usd / shares.all_donors_usd, 1)::DOUBLE END AS us_share_percent,
    coalesce(
        shares.why_no_share,
        CASE
            WHEN NOT shares.is_us_listed AND shares.us_usd IS NULL THEN 'the source lists no U.S. money'
            WHEN shares.us_usd IS NULL THEN 'a U.S. figure has no amount'
        END
    ) AS why_no_share,
    CASE WHEN shares.is_read_whole AND shares.why_no_share IS NULL THEN shares.positive_count END
        AS donors_count,
    CASE WHEN shares.is_read_whole AND shares.why_no_share IS NULL THEN shares.squares END
        AS herfindahl_index,
    CASE
        WHEN shares.others_in_source > 0 THEN false
        WHEN shares.is_read_whole AND shares.why_no_share IS NULL THEN coalesce(shares.us_usd > 0, false)
    END AS is_us_only_donor,
    CASE WHEN shares.is_read_whole THEN shares.has_bounds ELSE total.precision <> 'exact' END
        AS is_approximate,
    coalesce(
        shares.calendar_year < retrieved.retrieved_year
        AND (NOT retrieved.is_by_hand OR last_dated.year IS NULL OR last_dated.last_date_year > shares.calendar_year),
        false
    ) AS is_year_over,
    total.amount_usd AS printed_total_usd,
    total.precision AS printed_total_precision,
    shares.sum_check,
    shares.is_newest_edition,
    shares.us_entry_id,
    shares.total_entry_id,
    shares.source_id,
    shares.series,
    shares.report,
    shares.edition,
    shares.place,
    coalesce(shares.page, shares.one_url, sources.url) AS source_url
FROM shares
JOIN sources ON sources.source_id = shares.source_id
LEFT JOIN retrieved ON retrieved.source_id = shares.source_id
LEFT JOIN last_dated
    ON last_dated.source_id = shares.source_id AND last_dated.year = shares.calendar_year
LEFT JOIN funding AS total ON total.entry_id = shares.total_entry_id
WHERE NOT shares.is_printed_table OR (shares.us_usd IS NOT NULL AND shares.all_donors_usd > 0)
