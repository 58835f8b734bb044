-- Rejects and issues of the vintages in use or on hold.
SELECT 'reject' AS kind, * FROM rejects
UNION ALL
SELECT 'issue' AS kind, * FROM issues
ORDER BY kind DESC, source_id, locator
