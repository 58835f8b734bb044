-- The entries of a fact table that differ between two refreshes: what each said before and after.
-- Every change writes a revision, so only entries with a revision in between are compared.
WITH touched AS (
    SELECT DISTINCT entry_id
    FROM history.{table}
    WHERE recorded_in > least($a, $b) AND recorded_in <= greatest($a, $b)
        AND ($source_id IS NULL OR source_id = $source_id)
), revision AS (
    SELECT held.* FROM history.{table} AS held JOIN touched USING (entry_id)
    WHERE held.change <> 'withdrawn'
), before AS (
    FROM revision WHERE recorded_in <= $a AND (ended_in IS NULL OR ended_in > $a)
), after AS (
    FROM revision WHERE recorded_in <= $b AND (ended_in IS NULL OR ended_in > $b)
)
SELECT
    '{name}' AS "table",
    coalesce(after.source_id, before.source_id) AS source_id,
    coalesce(after.series, before.series) AS series,
    coalesce(after.edition, before.edition) AS edition,
    coalesce(after.{area}, before.{area}) AS area,
    coalesce(after.entry_id, before.entry_id) AS entry_id,
    CASE
        WHEN before.entry_id IS NULL AND after.revision > 1 AND EXISTS (
            FROM history.{table} AS held
            WHERE held.entry_id = after.entry_id AND held.recorded_in <= $a
        ) THEN 'restored'
        WHEN before.entry_id IS NULL THEN 'added'
        WHEN after.entry_id IS NULL THEN 'withdrawn'
        ELSE 'revised'
    END AS change,
    '{unit}' AS unit,
    ({before})::DOUBLE AS before,
    ({after})::DOUBLE AS after,
    CASE WHEN before.entry_id IS NOT NULL THEN to_json(before) END AS before_row,
    CASE WHEN after.entry_id IS NOT NULL THEN to_json(after) END AS after_row
FROM before
FULL JOIN after USING (entry_id)
WHERE before.entry_id IS NULL
    OR after.entry_id IS NULL
    OR before.content_sha256 <> after.content_sha256
