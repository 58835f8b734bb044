-- How much each area depended on U.S. money, on one basis at a time, in one row.
-- Years are those that the ledger holds: a first or last year is the first or last that was read. State's grants
-- were stopped in January 2025, so the share before is that of the latest year up to 2024, and a change is that
-- from 2024 to the latest year after it. A year that was still running when the source was retrieved counts for
-- neither: its money is not all reported.
WITH held AS (
    SELECT *
    FROM dependency
    WHERE is_newest_edition
    QUALIFY row_number() OVER (
        PARTITION BY basis, area, area_name, calendar_year ORDER BY source_url, us_entry_id
    ) = 1
),
before AS (
    SELECT *
    FROM held
    WHERE calendar_year <= 2024 AND is_year_over AND us_share_percent IS NOT NULL
    QUALIFY row_number() OVER (PARTITION BY basis, area, area_name ORDER BY calendar_year DESC) = 1
),
latest AS (
    SELECT *
    FROM held
    WHERE is_year_over
    QUALIFY row_number() OVER (PARTITION BY basis, area, area_name ORDER BY calendar_year DESC) = 1
),
years AS (
    SELECT
        basis, area, area_name, source_id, series,
        min(calendar_year) AS first_year,
        max(calendar_year) AS last_year,
        count(DISTINCT calendar_year) AS years_count,
        min(calendar_year) FILTER (WHERE is_us AND amount_usd > 0) AS first_us_year,
        max(calendar_year) FILTER (WHERE is_us AND amount_usd > 0) AS last_us_year,
        count(DISTINCT calendar_year) FILTER (WHERE is_us AND amount_usd > 0) AS us_years_count
    FROM donors
    WHERE is_newest_edition
    GROUP BY ALL
),
alone AS (
    SELECT
        basis, area, area_name,
        count(*) FILTER (WHERE is_us_only_donor) AS us_only_years_count,
        string_agg(calendar_year::VARCHAR, ', ' ORDER BY calendar_year) FILTER (WHERE is_us_only_donor)
            AS us_only_years,
        count(is_us_only_donor) AS known_years_count
    FROM held
    GROUP BY ALL
)
SELECT
    years.basis,
    years.area,
    years.area_name,
    years.first_year,
    years.last_year,
    years.years_count,
    years.first_us_year,
    years.last_us_year,
    years.us_years_count,
    alone.us_only_years_count,
    alone.us_only_years,
    alone.known_years_count,
    before.calendar_year AS share_year,
    before.us_share_percent,
    before.is_us_listed,
    before.is_approximate,
    before.us_usd,
    before.all_donors_usd,
    before.donors_count,
    before.herfindahl_index,
    before.us_entry_id,
    before.edition,
    before.source_url,
    latest.calendar_year AS latest_year,
    latest.us_usd AS latest_us_usd,
    latest.us_share_percent AS latest_us_share_percent,
    latest.is_us_listed AS is_us_listed_latest,
    CASE WHEN before.calendar_year IS NULL THEN coalesce(
        latest.why_no_share,
        CASE WHEN latest.calendar_year IS NULL THEN 'no year that had ended was read with enough of its donors' END,
        'no year up to 2024 was read'
    ) END AS why_no_share,
    CASE WHEN latest.calendar_year > 2024 THEN latest.us_usd - base.us_usd END AS us_change_usd,
    CASE WHEN latest.calendar_year > 2024 AND base.us_usd > 0
        THEN round(100 * (latest.us_usd - base.us_usd) / base.us_usd, 1)::DOUBLE END
        AS us_change_percent,
    years.source_id,
    years.series
FROM years
LEFT JOIN alone
    ON alone.basis = years.basis AND alone.area IS NOT DISTINCT FROM years.area
    AND alone.area_name = years.area_name
LEFT JOIN before
    ON before.basis = years.basis AND before.area IS NOT DISTINCT FROM years.area
    AND before.area_name = years.area_name
LEFT JOIN latest
    ON latest.basis = years.basis AND latest.area IS NOT DISTINCT FROM years.area
    AND latest.area_name = years.area_name
LEFT JOIN held AS base
    ON base.basis = years.basis AND base.area IS NOT DISTINCT FROM years.area
    AND base.area_name = years.area_name AND base.calendar_year = 2024 AND base.is_year_over
