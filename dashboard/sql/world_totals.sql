-- Printed yearly totals of U.S. money for the whole world. The series count different things and are
-- shown side by side, never added.
SELECT
    year, year_basis, amount_usd, amount_as_printed, unit_as_printed, precision, report, edition, place, source_url,
    entry_id, account_as_printed,
    CASE
        WHEN series = 'us_budget_1993_2001' THEN 'Whole effort: demining (fiscal years)'
        WHEN series = 'tweis_totals' AND account = 'All accounts'
            THEN 'Whole effort: all CWD (fiscal years)'
        WHEN series = 'tweis_totals' THEN 'State alone: all CWD (fiscal years)'
        ELSE 'As the Monitor counts (calendar years)'
    END AS series_title,
    CASE precision
        WHEN 'floor' THEN 'more than'
        WHEN 'ceiling' THEN 'nearly or about'
        WHEN 'approximate' THEN 'nearly or about'
        ELSE 'a number'
    END AS bound
FROM funding
WHERE year IS NOT NULL AND NOT is_cumulative AND status = 'actual' AND area = 'XWD'
    AND amount_usd IS NOT NULL
    AND (
        (series = 'us_budget_1993_2001'
            AND account_as_printed = 'U.S. Government humanitarian demining (all)')
        OR (series = 'tweis_totals' AND account IN ('All accounts', 'State'))
        OR (series = 'monitor_donor_totals' AND donor = 'United States')
    )
QUALIFY edition_order IS NOT DISTINCT FROM max(edition_order) OVER (PARTITION BY series, account, year)
ORDER BY year, series_title
