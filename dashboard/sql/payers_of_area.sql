-- Who paid in one area on one basis, year by year; the area by its code, or by its name where it has none.
SELECT * FROM donors
WHERE basis = $basis AND coalesce(area, area_name) = $area AND is_newest_edition
ORDER BY calendar_year DESC, amount_usd DESC NULLS LAST, donor, only_entry_id
