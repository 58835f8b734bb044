-- Oddities in rows that are entries all the same.
SELECT * FROM issues ORDER BY source_id, locator, "column", rule
