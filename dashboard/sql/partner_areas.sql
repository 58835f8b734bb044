-- The countries and areas in which one series names who got the money.
SELECT DISTINCT area, area_name
FROM partners
WHERE series = $series AND area IS NOT NULL
ORDER BY area_name, area
