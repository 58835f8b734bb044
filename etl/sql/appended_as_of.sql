-- The rows of a table that is only ever added to, right after a refresh.
SELECT * FROM history.{table} WHERE {number} <= getvariable('as_of')
