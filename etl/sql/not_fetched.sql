-- Why one source could not be fetched.
SELECT reason, rule FROM holds WHERE source_id = $source_id AND rule IN ('stale', 'dark');
