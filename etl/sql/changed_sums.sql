-- What changed in dollars and casualties. Only figures of one series and one edition are added, since
-- the same dollar stands in several; printed totals, sums over years and partial years are left out.
-- In a series whose figures may not be added, only a lone figure and figures that were there before
-- and after count: their difference is true whatever they count.
WITH figure AS (
    SELECT
        changed.*,
        coalesce(declared.is_additive, FALSE)
            OR (before IS NOT NULL AND after IS NOT NULL)
            OR count(*) OVER (PARTITION BY changed.source_id, changed.series, edition, {area} unit) = 1 AS may_be_added
    FROM changed
    LEFT JOIN series AS declared ON declared.series = changed.series
    WHERE before IS NOT NULL OR after IS NOT NULL
)
SELECT
    source_id, series, edition, {area} unit,
    count(*) AS entries,
    coalesce(sum(before), 0) AS before,
    coalesce(sum(after), 0) AS after,
    coalesce(sum(after), 0) - coalesce(sum(before), 0) AS difference
FROM figure
WHERE may_be_added
GROUP BY ALL
HAVING difference <> 0
ORDER BY unit DESC, abs(difference) DESC, series, edition
