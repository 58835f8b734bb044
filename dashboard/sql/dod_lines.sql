-- The Defense program's own lines and the lines shown beside them for scale.
SELECT funding.*, series.title AS series_title
FROM funding
LEFT JOIN series USING (series)
WHERE funding.source_id = 'dod_hma'
ORDER BY series, year, period_start, account_as_printed, entry_id
