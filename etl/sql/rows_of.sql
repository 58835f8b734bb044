-- The sources whose rows one view has.
SELECT DISTINCT '{name}' AS view, source_id FROM {table}
