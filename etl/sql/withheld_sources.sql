-- Which of the sources the ledger holds anything of: a file that was read, or why none could be had.
SELECT DISTINCT source_id
FROM (SELECT source_id FROM history.vintages UNION ALL SELECT source_id FROM history.holds)
WHERE list_contains($sources, source_id)
ORDER BY source_id;
