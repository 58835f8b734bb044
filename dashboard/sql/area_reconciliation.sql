-- What each measure says of U.S. money in one area, State's report first.
SELECT * FROM reconciliation WHERE area = $area ORDER BY year DESC, measure, flow, year_basis
