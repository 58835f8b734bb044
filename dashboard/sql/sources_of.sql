-- The sources that are named, with their terms; all of them where none is.
SELECT source_id, publisher, title, url, licence, citation
FROM sources
WHERE $sources::VARCHAR[] IS NULL OR list_contains($sources::VARCHAR[], source_id)
ORDER BY source_id
