-- The areas that have a page with figures.
SELECT area FROM area_profile ORDER BY area
