-- One row an area, for the table of areas and the map.
SELECT
    *,
    casualties_entry_id IS NOT NULL AS has_casualties
FROM area_profile
ORDER BY area_name
