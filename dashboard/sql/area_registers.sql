-- What national programmes, UN bodies and others count for one area.
SELECT *
FROM casualties
WHERE area = $area AND series = 'national_casualties'
ORDER BY year, edition
