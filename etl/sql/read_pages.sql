-- The watched pages of one source that a person has said to have read, in that order.
SELECT vintages.file, vintages.vintage_sha256, vintages.size_bytes, vintages.retrieved_at, vintages.origin
FROM decisions
JOIN vintages
    ON vintages.source_id = decisions.source_id
    AND vintages.status = 'watched'
    AND decisions.files = vintages.file || ' ' || vintages.vintage_sha256
WHERE decisions.source_id = $source_id AND decisions.verdict = 'read'
QUALIFY row_number() OVER (
    PARTITION BY decisions.recorded_in, vintages.file, vintages.vintage_sha256 ORDER BY vintages.recorded_in
) = 1
ORDER BY decisions.recorded_in, vintages.file;
