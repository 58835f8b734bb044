-- The funding rows of one page of the table; LIMIT and OFFSET are the last parameters.
SELECT * FROM funding
WHERE {condition}
ORDER BY area_as_printed, year, series, account, edition_order DESC, entry_id
LIMIT ? OFFSET ?
