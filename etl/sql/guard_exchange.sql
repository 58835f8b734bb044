-- Of the entries in which two columns change, in how many the two have changed places.
SELECT
    count(*) AS changed,
    count(*) FILTER (
        new.{first} IS NOT DISTINCT FROM old.{second} AND new.{second} IS NOT DISTINCT FROM old.{first}
    ) AS exchanged,
    min(new.locator) AS first_at
FROM present.{table} AS old
JOIN {incoming} AS new USING (entry_id)
WHERE old.source_id = $source_id
    AND new.{first} IS DISTINCT FROM old.{first}
    AND new.{second} IS DISTINCT FROM old.{second};
