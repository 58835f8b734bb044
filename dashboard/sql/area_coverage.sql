-- State's table for one area: the newest edition of each fiscal year, in nominal and in constant dollars.
SELECT coverage.*, funding_constant.amount_2024_usd
FROM coverage
LEFT JOIN funding_constant ON funding_constant.entry_id = coverage.entry_id
WHERE coverage.area = $area
ORDER BY coverage.fiscal_year, coverage.account
