-- The changed entries, the largest changes first; all of them where no limit is given.
SELECT "table", source_id, entry_id, change, before_row, after_row
FROM changed
ORDER BY unit DESC, abs(coalesce(after, 0) - coalesce(before, 0)) DESC, "table", entry_id
LIMIT $limit;
