-- Why the newest vintage of one source is on hold.
SELECT reason FROM holds WHERE source_id = $source_id;
