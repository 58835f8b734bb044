-- What each measure says of U.S. money in every area and year; years with the most sources come first.
SELECT * EXCLUDE (why) FROM reconciliation
ORDER BY sources_count DESC, area_name, year DESC, measure, flow, year_basis
