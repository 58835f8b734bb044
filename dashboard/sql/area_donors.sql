-- The donors of one area in the latest year for which a recipient's table was read.
SELECT funding.*
FROM funding
WHERE area = $area AND series = 'monitor_recipient_tables'
QUALIFY year = max(year) OVER ()
    AND edition_order IS NOT DISTINCT FROM max(edition_order) OVER (PARTITION BY year)
ORDER BY amount_usd DESC, donor
