-- The checked rows of one source and fact table, with their entry_id and the hash of their values.
-- Parts of a hash are joined by the unit separator. In the key a null is written as the record
-- separator; in the content a null is left out, so that a column added later revises nothing.
CREATE OR REPLACE TEMP TABLE {incoming} AS
WITH parts AS (
    SELECT
        locator,
        string_agg(
            concat_ws(chr(31), dimension, category, value::VARCHAR, unit, value_as_printed), chr(30)
            ORDER BY dimension, category
        ) AS splits
    FROM checked_splits
    GROUP BY locator
)
SELECT
    checked.* REPLACE (
        checked.source_id || '-' || left(sha256(concat_ws(chr(31), {literal}, {key})), 16) AS entry_id,
        sha256(concat_ws(chr(31), {content}, 'splits=' || parts.splits)) AS content_sha256
    )
FROM checked
LEFT JOIN parts USING (locator);

-- The splits of those rows, under their entries.
CREATE OR REPLACE TEMP TABLE {incoming_splits} AS
SELECT
    incoming.entry_id, part.dimension, part.category, part.value, part.unit, part.value_as_printed
FROM checked_splits AS part
JOIN {incoming} AS incoming USING (locator);
