-- Where the rows derived again differ from the entries of one source as of a refresh.
WITH published AS (
    SELECT entry_id, content_sha256, vintage_sha256, locator, recorded_in
    FROM history.{table}
    WHERE source_id = $source_id
        AND change <> 'withdrawn'
        AND recorded_in <= getvariable('as_of')
        AND (ended_in IS NULL OR ended_in > getvariable('as_of'))
), derived AS (
    SELECT entry_id, content_sha256, vintage_sha256, locator FROM {incoming}
)
SELECT
    coalesce(published.entry_id, derived.entry_id) AS entry_id,
    CASE
        WHEN derived.entry_id IS NULL THEN 'is published, but not in the archived bytes'
        WHEN published.entry_id IS NULL THEN 'is in the archived bytes, but not published'
        WHEN published.content_sha256 <> derived.content_sha256 THEN 'has other values than the archived bytes'
        ELSE 'names another line than the archived bytes'
    END AS difference
FROM published
FULL JOIN derived USING (entry_id)
WHERE derived.entry_id IS NULL
    OR published.entry_id IS NULL
    OR published.content_sha256 <> derived.content_sha256
    OR (
        published.recorded_in = getvariable('as_of')
        AND (published.vintage_sha256 <> derived.vintage_sha256 OR published.locator <> derived.locator)
    )
ORDER BY entry_id;
