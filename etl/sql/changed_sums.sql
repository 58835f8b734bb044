-- What changed in dollars and casualties. Only figures of one series and one edition are added, since
-- the same dollar stands in several, and dollars only in a series whose figures may be added; a lone
-- figure stands for itself. Printed totals, sums over years, parts of a year, estimates, requests and
-- bounds never take part. A side on which there is no figure is null, not zero.
WITH figure AS (
    SELECT
        changed.*,
        coalesce(declared.is_additive, FALSE)
            OR (unit = 'people' AND before IS NOT NULL AND after IS NOT NULL)
            OR count(*) OVER (PARTITION BY changed.source_id, changed.series, edition, {area} unit) = 1
            AS may_be_added
    FROM changed
    LEFT JOIN series AS declared ON declared.series = changed.series
    WHERE before IS NOT NULL OR after IS NOT NULL
)
SELECT
    source_id, series, edition, {area} unit,
    count(*) AS entries,
    sum(before) AS before,
    sum(after) AS after,
    coalesce(sum(after), 0) - coalesce(sum(before), 0) AS difference
FROM figure
WHERE may_be_added
GROUP BY ALL
HAVING difference <> 0
ORDER BY unit DESC, abs(difference) DESC, series, edition, {area} source_id
