-- How many entries of one source are in use in a fact table.
SELECT count(*) FROM present.{table} WHERE source_id = $source_id;
