-- Which value of a column gains or loses more entries than may be, the newest year aside, which grows.
WITH old AS (
    SELECT {column}::VARCHAR AS value, count(*) AS entries
    FROM present.{table}
    WHERE source_id = $source_id
    GROUP BY value
), new AS (
    SELECT {column}::VARCHAR AS value, count(*) AS entries FROM {incoming} GROUP BY value
), moved AS (
    SELECT value, coalesce(old.entries, 0) AS before, coalesce(new.entries, 0) AS after
    FROM old
    FULL JOIN new USING (value)
    WHERE value IS NOT NULL
        AND (
            NOT $grows
            OR value < (SELECT max(value) FROM old)
            OR old.entries > coalesce(new.entries, 0)
        )
)
SELECT
    count(*) AS groups,
    arg_max(value, abs(after - before)) AS worst,
    arg_max(before, abs(after - before)) AS before,
    arg_max(after, abs(after - before)) AS after
FROM moved
WHERE abs(after - before) > $few AND abs(after - before) * 100 > before * $limit;
