-- Why the newest vintage of one source is on hold.
SELECT reason, rule FROM holds WHERE source_id = $source_id AND rule NOT IN ('stale', 'dark');
