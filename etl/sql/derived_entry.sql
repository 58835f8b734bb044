-- The hash of one entry's values, as they were just derived from the archived bytes.
SELECT content_sha256 FROM {incoming} WHERE entry_id = $entry_id;
