-- The vintage of one source that is on hold, and why.
SELECT vintages_sha256, reason FROM holds WHERE source_id = $source_id AND vintages_sha256 IS NOT NULL;
