-- The entries in use right after a refresh.
SELECT * REPLACE (NULL::BIGINT AS ended_in)
FROM history.{table}
WHERE recorded_in <= getvariable('as_of')
    AND (ended_in IS NULL OR ended_in > getvariable('as_of'))
    {condition}
