-- One row an area: what the U.S. effort paid there, who was hurt, what is left, who else pays.
-- An area has a row if any figure is about it, be it only one of a live source.
-- Yearly sums add the accounts of State's country table; sums since a start year are printed by the source.
WITH years AS (
    SELECT
        area,
        min(fiscal_year) AS first_fiscal_year,
        max(fiscal_year) AS last_fiscal_year,
        sum(amount_usd) FILTER (WHERE account = 'DoD' AND fiscal_year BETWEEN 2015 AND 2017)
            AS dod_fy2015_2017_usd,
        sum(amount_usd) FILTER (WHERE fiscal_year BETWEEN 2015 AND 2017) AS all_fy2015_2017_usd,
        count(DISTINCT fiscal_year) FILTER (WHERE account = 'DoD' AND amount_usd > 0)
            AS dod_years_count
    FROM coverage
    GROUP BY area
),
since_start AS (
    SELECT
        area, account, amount_usd, period_start, period_end, edition, source_url, entry_id
    FROM funding
    WHERE series = 'tweis_country_table' AND is_cumulative
    QUALIFY is_newest_edition(edition_order, series, 'area', donor, area_as_printed, year)
),
cumulative AS (
    SELECT
        area,
        max(period_start) AS since_year,
        max(period_end) AS until_year,
        max(edition) AS edition,
        max(source_url) AS source_url,
        max(amount_usd) FILTER (WHERE account = 'DoD') AS dod_since_start_usd,
        max(entry_id) FILTER (WHERE account = 'DoD') AS dod_since_start_entry_id,
        max(amount_usd) FILTER (WHERE account = 'All accounts') AS all_since_start_usd,
        max(entry_id) FILTER (WHERE account = 'All accounts') AS all_since_start_entry_id
    FROM since_start
    GROUP BY area
),
share AS (
    SELECT area, calendar_year, us_share_percent, is_us_listed, is_approximate, edition, source_url
    FROM dependency
    WHERE basis = 'monitor' AND is_newest_edition AND us_share_percent IS NOT NULL
    QUALIFY row_number() OVER (PARTITION BY area ORDER BY calendar_year DESC, source_url) = 1
),
treaty AS (
    SELECT
        area,
        max(status) FILTER (WHERE treaty = 'MBT') AS mine_ban_treaty,
        max(status) FILTER (WHERE treaty = 'CCM') AS cluster_convention
    FROM (
        SELECT
            area, treaty,
            CASE
                WHEN withdrawal_effective IS NOT NULL THEN 'withdrawn, effect ' || withdrawal_effective
                WHEN bound_date IS NOT NULL THEN 'party'
                ELSE 'signed, not ratified'
            END AS status
        FROM treaty_status
    )
    GROUP BY area
),
known AS (
    SELECT area FROM funding
    UNION SELECT area FROM funding_shares
    UNION SELECT area FROM program_activities
    UNION SELECT area FROM casualties
    UNION SELECT area FROM casualty_events
    UNION SELECT area FROM clearance
    UNION SELECT area FROM contamination
    UNION SELECT area FROM treaty_status
)
SELECT
    areas.area,
    areas.name AS area_name,
    areas.kind,
    areas.state_region,
    years.first_fiscal_year,
    years.last_fiscal_year,
    years.dod_fy2015_2017_usd,
    years.all_fy2015_2017_usd,
    years.dod_years_count,
    cumulative.since_year,
    cumulative.until_year,
    cumulative.dod_since_start_usd,
    cumulative.dod_since_start_entry_id,
    cumulative.all_since_start_usd,
    cumulative.all_since_start_entry_id,
    cumulative.edition AS funding_edition,
    cumulative.source_url AS funding_source_url,
    hurt.calendar_year AS casualties_year,
    hurt.total AS casualties_total,
    hurt.lower_bound AS is_casualties_lower_bound,
    hurt.edition AS casualties_edition,
    hurt.source_url AS casualties_source_url,
    hurt.entry_id AS casualties_entry_id,
    share.calendar_year AS dependency_year,
    share.us_share_percent,
    share.is_us_listed,
    share.is_approximate AS is_share_approximate,
    share.edition AS dependency_edition,
    share.source_url AS dependency_source_url,
    treaty.mine_ban_treaty,
    treaty.cluster_convention
FROM known
JOIN areas ON areas.area = known.area
LEFT JOIN years ON years.area = known.area
LEFT JOIN cumulative ON cumulative.area = known.area
LEFT JOIN casualties_latest AS hurt ON hurt.area = known.area
LEFT JOIN share ON share.area = known.area
LEFT JOIN treaty ON treaty.area = known.area
WHERE areas.kind IN ('country', 'other area', 'historic')
