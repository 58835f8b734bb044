-- What national programmes, UN bodies and others count for one area.
SELECT *
FROM casualties
WHERE area = $area AND series NOT IN ('monitor_casualties', 'monitor_world_casualties')
ORDER BY year, edition, entry_id
