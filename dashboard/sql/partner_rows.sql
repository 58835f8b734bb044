-- What one organisation got, as one series says, in an area or (with '') in all.
SELECT * FROM partners
WHERE series = $series AND implementer = $implementer AND ($area = '' OR area = $area)
ORDER BY year DESC, area_name, agency, account, flow, year_basis
