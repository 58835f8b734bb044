-- Who got the money, as one series says.
SELECT * FROM partners
WHERE series = $series
ORDER BY implementer NULLS LAST, year DESC, area_name, agency, account, flow, year_basis
