-- Printed sums since the start, newest edition of each country, by account.
SELECT
    area, area_as_printed, account, amount_usd, period_start, period_end,
    report, edition, place, source_url, entry_id
FROM funding
WHERE series = 'tweis_country_table' AND is_cumulative
QUALIFY edition_order = max(edition_order) OVER (PARTITION BY area_as_printed)
ORDER BY area_as_printed, account
