-- The U.S. share in one area on one basis, year by year.
SELECT * FROM dependency
WHERE basis = $basis AND coalesce(area, area_name) = $area AND is_newest_edition
ORDER BY calendar_year DESC, source_url
