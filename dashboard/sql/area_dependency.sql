-- Who paid for mine action in one area, newest edition of each year.
SELECT * FROM dependency WHERE area = $area AND is_newest_edition ORDER BY calendar_year
