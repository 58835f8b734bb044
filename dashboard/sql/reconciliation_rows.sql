-- What each measure says of U.S. money in every area and year; years with two or more come first.
SELECT * EXCLUDE (why) FROM reconciliation
ORDER BY measures_count < 2, area_name, year DESC, measure, flow
