-- Other printed figures of U.S. money for one area; none of them may be added to the table. Series that
-- stand summed among the sources side by side are left out.
SELECT funding.*, series.title AS series_title
FROM funding
LEFT JOIN series USING (series)
WHERE funding.area = $area AND funding.donor LIKE 'United States%'
    AND funding.series NOT IN (SELECT series FROM measures)
    AND funding.series NOT IN (
        'tweis_country_table', 'monitor_recipient_tables', 'monitor_donor_tables'
    )
ORDER BY coalesce(year, period_end), period_start, series_title, entry_id
