-- What the vintage changes in one fact table: added, revised, withdrawn or restored entries.
CREATE OR REPLACE TEMP TABLE {diff} AS
WITH held AS (
    SELECT entry_id, revision, change, content_sha256
    FROM present.{table}
    WHERE source_id = $source_id
    UNION ALL
    -- a withdrawn entry stays withdrawn until it comes back
    SELECT entry_id, revision, change, content_sha256
    FROM past.{table}
    WHERE source_id = $source_id AND ended_in IS NULL
)
SELECT
    coalesce(incoming.entry_id, held.entry_id) AS entry_id,
    coalesce(held.revision, 0) + 1 AS revision,
    CASE
        WHEN held.entry_id IS NULL THEN 'added'
        WHEN incoming.entry_id IS NULL THEN 'withdrawn'
        WHEN held.change = 'withdrawn' THEN 'restored'
        ELSE 'revised'
    END AS change
FROM {incoming} AS incoming
FULL JOIN held ON held.entry_id = incoming.entry_id
WHERE held.entry_id IS NULL
    OR (incoming.entry_id IS NULL AND held.change <> 'withdrawn')
    OR (incoming.entry_id IS NOT NULL AND held.change = 'withdrawn')
    OR incoming.content_sha256 <> held.content_sha256;
