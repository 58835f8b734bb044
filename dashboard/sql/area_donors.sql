-- The donors of one area in the latest year for which a recipient's table was read.
SELECT funding.*
FROM funding
JOIN series ON series.series = funding.series AND series.source_id = funding.source_id
WHERE funding.area = $area AND funding.series = 'monitor_recipient_tables'
QUALIFY funding.year = max(funding.year) OVER ()
    AND is_newest_edition(
        funding.edition_order, funding.series, series.page_of, funding.donor,
        funding.area_as_printed, funding.year
    )
ORDER BY funding.amount_usd DESC, funding.donor
