-- The entries that differ between two refreshes, of all fact tables, numbered with the largest changes first.
CREATE OR REPLACE TEMP TABLE changed AS
SELECT
    *,
    row_number() OVER (
        ORDER BY unit DESC, abs(coalesce(after, 0) - coalesce(before, 0)) DESC, "table", entry_id
    ) AS place
FROM ({tables});
