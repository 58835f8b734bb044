-- The newest yearly and the newest cumulative figure of the whole U.S. effort, with countries assisted.
SELECT
    funding.*,
    splits.value_as_printed AS countries_as_printed
FROM funding
LEFT JOIN splits ON splits.entry_id = funding.entry_id AND splits.category = 'countries assisted'
WHERE series = 'tweis_totals' AND account = 'All accounts' AND area = 'XWD'
    AND status = 'actual' AND coalesce(year, period_end) IS NOT NULL
QUALIFY row_number() OVER (
    PARTITION BY is_cumulative ORDER BY coalesce(year, period_end) DESC, funding.entry_id
) = 1
ORDER BY is_cumulative
