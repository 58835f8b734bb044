-- How far one series goes, in an area or (with '') in all: how many rows of the view, which areas and years.
SELECT
    count(*) AS rows_count,
    list(DISTINCT area_name ORDER BY area_name) AS area_names,
    list(DISTINCT year ORDER BY year) AS years
FROM partners
WHERE series = $series AND ($area = '' OR area = $area)
