-- The entries in use right after a refresh: those still in use, and those that ended since. What is
-- present has not ended and was not withdrawn, so it is asked one question only.
SELECT * REPLACE (NULL::BIGINT AS ended_in)
FROM present.{table}
WHERE recorded_in <= getvariable('as_of')
UNION ALL BY NAME
SELECT * REPLACE (NULL::BIGINT AS ended_in)
FROM past.{table}
WHERE recorded_in <= getvariable('as_of')
    AND ended_in > getvariable('as_of')
    {condition}
