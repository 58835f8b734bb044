-- The rows of a table without named rows right after a refresh.
SELECT {columns}
FROM history.{table}
WHERE recorded_in <= getvariable('as_of')
    AND (ended_in IS NULL OR ended_in > getvariable('as_of'))
ORDER BY {order}
