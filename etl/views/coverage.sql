-- Which areas, fiscal years and accounts the U.S. effort paid for, as State's report prints them.
-- One row is one printed figure of a country's table. The newest edition that prints a fiscal year for a
-- country wins for that year; earlier editions stay in funding.
WITH country_table AS (
    SELECT *
    FROM funding
    WHERE series = 'tweis_country_table' AND NOT is_cumulative
),
newest AS (
    SELECT *
    FROM country_table
    QUALIFY is_newest_edition(edition_order, series, 'area', donor, area_as_printed, year)
),
earlier AS (
    SELECT
        area_as_printed, year, account_as_printed,
        count(*) AS editions_count,
        min(amount_usd) AS lowest_usd,
        max(amount_usd) AS highest_usd
    FROM country_table
    GROUP BY ALL
),
accounts_sum AS (
    SELECT area_as_printed, year, sum(amount_usd) AS accounts_sum_usd
    FROM newest
    WHERE NOT is_printed_total
    GROUP BY ALL
),
printed_total AS (
    SELECT area_as_printed, year, amount_usd AS printed_total_usd
    FROM newest
    WHERE is_printed_total
)
SELECT
    newest.entry_id,
    newest.area,
    coalesce(areas.name, newest.area_as_printed) AS area_name,
    areas.state_region,
    newest.year AS fiscal_year,
    newest.account,
    CASE newest.account WHEN 'DoD' THEN 'Defense program' ELSE 'rest of the U.S. effort' END
        AS program_scope,
    newest.amount_usd,
    newest.amount_as_printed,
    newest.unit_as_printed,
    printed_total.printed_total_usd,
    accounts_sum.accounts_sum_usd,
    printed_total.printed_total_usd = accounts_sum.accounts_sum_usd AS is_total_confirmed,
    earlier.editions_count,
    earlier.lowest_usd <> earlier.highest_usd AS is_restated,
    newest.source_id,
    newest.series,
    newest.report,
    newest.edition,
    newest.place,
    newest.locator,
    newest.vintage_sha256,
    newest.source_url,
    newest.note
FROM newest
LEFT JOIN areas ON areas.area = newest.area
LEFT JOIN earlier USING (area_as_printed, year, account_as_printed)
LEFT JOIN accounts_sum USING (area_as_printed, year)
LEFT JOIN printed_total USING (area_as_printed, year)
WHERE NOT newest.is_printed_total
