-- The printed sums since the start for one area, newest edition.
SELECT *
FROM funding
WHERE series = 'tweis_country_table' AND is_cumulative AND area = $area
QUALIFY edition_order = max(edition_order) OVER ()
ORDER BY is_printed_total, amount_usd DESC
