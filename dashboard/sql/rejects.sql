-- Rows of the vintages in use or on hold that broke a rule and are no entries.
SELECT * FROM rejects ORDER BY source_id, locator, "column", rule
