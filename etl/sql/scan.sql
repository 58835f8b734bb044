-- The records of a large file that a source's own selection takes, and how many there are, in one pass.
-- Cells are named by their position, and the wanted ones then by the reader. The selection is the source's
-- SELECT over records, which adds selection_rule: null where no rule takes the record. Numbering keeps
-- the file's order; counting and collecting in one aggregate keeps nothing of what is not taken. No text is null here: DuckDB overlooks
-- superfluous cells that are, and a row that slipped to the right would pass.
WITH records AS (
    SELECT {number} AS "row", {columns}
    FROM {file}
),
ruled AS ({selection})
SELECT
    coalesce(max("row") - 1, 0) AS rows_read,
    list(ruled) FILTER (selection_rule IS NOT NULL) AS taken
FROM ruled
