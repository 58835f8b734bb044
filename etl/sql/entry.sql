-- Every revision of one entry, oldest first.
SELECT * FROM history.{table} WHERE entry_id = $entry_id ORDER BY revision;
