-- Every area with a figure of clearance or contamination, for the picker; the world first.
SELECT DISTINCT rows.area, areas.name AS area_name, rows.area = 'XWD' AS is_world
FROM (SELECT area FROM clearance UNION ALL SELECT area FROM contamination) AS rows
JOIN areas USING (area)
ORDER BY is_world DESC, area_name
