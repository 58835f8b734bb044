-- Areas that the program covered, by rank on one basis; those without a rank come last.
SELECT * FROM orphaned WHERE basis = $basis
ORDER BY rank_whole_effort NULLS LAST, area_name, area
