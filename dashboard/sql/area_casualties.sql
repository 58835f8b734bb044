-- Casualties of one area by year, newest edition of the Monitor.
SELECT * FROM casualties_by_area_year WHERE area = $area ORDER BY calendar_year
