-- How many rows of each source's vintage broke the schema.
SELECT source_id, count(*) FROM rejects GROUP BY source_id;
