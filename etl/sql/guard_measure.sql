-- How one measure changes over the entries that stay: how many had a value, how many change and lose
-- it, the sum of the values before and after, how many values are multiplied by a power of ten that a
-- slip of units gives, and where the first of those stands.
WITH pair AS (
    SELECT
        old.{column}::DOUBLE AS old,
        new.{column}::DOUBLE AS new,
        new.locator,
        {{'long': length(new.locator), 'locator': new.locator}} AS spot
    FROM present.{table} AS old
    JOIN {incoming} AS new USING (entry_id)
    WHERE old.source_id = $source_id
), slip AS (
    SELECT *, coalesce(
        list_contains([2, 3, 6, 9], round(abs(log10(nullif(abs(new / nullif(old, 0)), 0))), 3)), FALSE
    ) AS is_slip
    FROM pair
)
SELECT
    count(old) AS held,
    count(*) FILTER (old IS DISTINCT FROM new) AS changed,
    count(*) FILTER (old IS NOT NULL AND new IS NULL) AS blanked,
    count(*) FILTER (sign(old) * sign(new) < 0) AS signs,
    min(locator) FILTER (sign(old) * sign(new) < 0) AS sign_at,
    coalesce(sum(old) FILTER (old IS NOT NULL AND new IS NOT NULL), 0) AS before,
    coalesce(sum(new) FILTER (old IS NOT NULL AND new IS NOT NULL), 0) AS after,
    coalesce(sum(abs(old)) FILTER (old IS NOT NULL AND new IS NOT NULL), 0) AS weight,
    count(*) FILTER (is_slip) AS slips,
    arg_min(spot.locator, spot) FILTER (is_slip) AS slip_at,
    arg_min(old, spot) FILTER (is_slip) AS slip_old,
    arg_min(new, spot) FILTER (is_slip) AS slip_new
FROM slip;
