-- Sources whose name, title, publisher, coverage or caveats hold the words.
SELECT source_id, title, publisher
FROM sources
WHERE {condition}
ORDER BY title, source_id
LIMIT ?
