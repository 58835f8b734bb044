-- The records of a large file that a source's own selection takes, each in its place among the others, in
-- one pass. Cells are named by their position, and the wanted ones then by the reader. The selection is the
-- source's SELECT over records, which adds selection_rule: null where no rule takes the record. Several
-- threads fill a table in the file's order, so the place of a row in it is that of the record in the
-- file; what is not taken costs a null. No text is null here: DuckDB overlooks superfluous cells that are,
-- and a row that slipped to the right would pass.
CREATE TEMP TABLE scanned AS
WITH records AS (
    SELECT {columns}
    FROM {file}
),
ruled AS ({selection})
SELECT CASE WHEN selection_rule IS NOT NULL THEN [{kept}] END AS taken
FROM ruled
