-- Of the changed entries those at some places of the list, with all that they said before and after.
WITH listed AS MATERIALIZED (
    FROM changed WHERE place BETWEEN $first AND $last
), said AS (
    {tables}
)
SELECT
    place, listed."table", source_id, entry_id, change,
    any_value(said.row) FILTER (said.revision = before_revision) AS before,
    any_value(said.row) FILTER (said.revision = after_revision) AS after
FROM listed JOIN said USING (place)
GROUP BY ALL
ORDER BY place;
