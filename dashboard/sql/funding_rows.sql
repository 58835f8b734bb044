-- The funding rows of one page of the table; LIMIT and OFFSET are the last parameters.
SELECT funding.*, constant.amount_2024_usd
FROM funding
LEFT JOIN (SELECT entry_id AS figure, amount_2024_usd FROM funding_constant) AS constant
    ON constant.figure = funding.entry_id
WHERE {condition}
ORDER BY area_as_printed, year, series, account, edition_order DESC, entry_id
LIMIT ? OFFSET ?
