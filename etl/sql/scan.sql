-- The records of a large CSV that a source's own selection takes, and how many there are, in one pass.
-- Cells are named by their position, and the wanted ones then by the reader. The selection is the source's
-- SELECT over records, which adds selection_rule: null where no rule takes the record. Numbering keeps
-- the file's order; counting and collecting in one aggregate keeps nothing of what is not taken. No text
-- is null here: DuckDB overlooks superfluous cells that are, and a row that slipped to the right would pass.
WITH records AS (
    SELECT row_number() OVER () + 1 AS "row", {columns}
    FROM read_csv(
        $path,
        columns = {cells},
        compression = $compression,
        auto_detect = FALSE,
        header = TRUE,
        delim = ',',
        quote = '"',
        escape = '"',
        nullstr = chr(1),
        encoding = 'utf-8',
        strict_mode = TRUE,
        null_padding = FALSE,
        ignore_errors = FALSE
    )
),
ruled AS ({selection})
SELECT
    coalesce(max("row") - 1, 0) AS rows_read,
    list(ruled) FILTER (selection_rule IS NOT NULL) AS taken
FROM ruled
