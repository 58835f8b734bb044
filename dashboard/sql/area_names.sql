-- The plain English name of every area.
SELECT area, name FROM areas ORDER BY area
