-- How many findings of one source differ from those on the record.
WITH old AS (
    SELECT vintage_sha256, locator, "column", rule, raw_value, fix
    FROM main.{table}
    WHERE source_id = $source_id
), new AS (
    SELECT vintage_sha256, locator, "column", rule, raw_value, fix FROM new_rows
)
SELECT
    (SELECT count(*) FROM (FROM old EXCEPT ALL FROM new))
    + (SELECT count(*) FROM (FROM new EXCEPT ALL FROM old));
