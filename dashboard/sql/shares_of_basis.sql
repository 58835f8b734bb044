-- The U.S. share of every area and year on one basis, the newest year and the highest share first.
SELECT * FROM dependency
WHERE basis = $basis AND is_newest_edition
ORDER BY calendar_year DESC, us_share_percent DESC NULLS LAST, area_name, source_url
