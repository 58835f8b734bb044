-- How many revisions a fact table keeps of one source.
SELECT count(*) FROM history.{table} WHERE source_id = $source_id;
