-- What each measure says of U.S. money in every area and year; years with two or more sources come first.
SELECT * EXCLUDE (why) FROM reconciliation
ORDER BY sources_count < 2, area_name, year DESC, measure, flow
