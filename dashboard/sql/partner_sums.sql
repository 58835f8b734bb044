-- The sums of some organisations, by year and (with a year of NULL) over all, in one series, in an area or (with '')
-- in all. $has_unnamed asks for what names nobody, too.
SELECT
    implementer,
    year,
    sum(amount_usd) AS amount_usd,
    count(amount_usd) AS amounts_count,
    sum(entries_count)::BIGINT AS entries_count,
    bool_or(is_incomplete) AS is_incomplete,
    coalesce(list(DISTINCT spellings_seen) FILTER (spellings_seen IS NOT NULL), []) AS spellings_seen
FROM partners
WHERE series = $series AND ($area = '' OR area = $area)
    AND (list_contains($implementers::VARCHAR[], implementer) OR (implementer IS NULL AND $has_unnamed))
GROUP BY GROUPING SETS ((implementer, year), (implementer))
