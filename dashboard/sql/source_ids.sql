-- The name of every source.
SELECT source_id FROM sources ORDER BY source_id
