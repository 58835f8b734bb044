-- Areas that receive money in any funding row, with their region.
SELECT DISTINCT funding.area, areas.name AS area_name, areas.state_region
FROM funding
JOIN areas ON areas.area = funding.area
ORDER BY area_name
