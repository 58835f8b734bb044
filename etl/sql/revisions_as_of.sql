-- Every revision of an entry table that was known right after a refresh.
SELECT * REPLACE (CASE WHEN ended_in <= getvariable('as_of') THEN ended_in END AS ended_in)
FROM history.{table}
WHERE recorded_in <= getvariable('as_of')
