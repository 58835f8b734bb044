-- Where the first entry with one kind of change stands; a withdrawn one, where it stood.
SELECT coalesce(new.locator, 'formerly ' || old.locator)
FROM {diff} AS diff
LEFT JOIN {incoming} AS new USING (entry_id)
LEFT JOIN present.{table} AS old USING (entry_id)
WHERE diff.change = $change
ORDER BY length(coalesce(new.locator, old.locator)), coalesce(new.locator, old.locator)
LIMIT 1;
