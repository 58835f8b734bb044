-- How many entries of one fact table each source has in use.
SELECT source_id, count(*) AS entries FROM {table} GROUP BY source_id
