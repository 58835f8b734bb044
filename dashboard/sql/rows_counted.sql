-- How many rows pass the filters, and which sources they are from.
SELECT count(*) AS rows_count, list(DISTINCT source_id ORDER BY source_id) AS sources
FROM ({rows})
