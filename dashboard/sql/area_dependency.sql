-- Who paid for mine action in one area as the Monitor counts it, newest edition of each year. Rows published
-- before there was another basis name none and are the Monitor's.
SELECT * FROM dependency
WHERE area = $area AND coalesce(basis, 'monitor') = 'monitor' AND is_newest_edition
ORDER BY calendar_year
