-- One row an area, for the table of areas and the map.
SELECT * FROM area_profile ORDER BY area_name
