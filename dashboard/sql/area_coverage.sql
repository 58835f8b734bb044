-- State's table for one area: the newest edition of each fiscal year.
SELECT * FROM coverage WHERE area = $area ORDER BY fiscal_year, account
