-- Removes the findings of one source's earlier vintage.
DELETE FROM main.{table} WHERE source_id = $source_id;
