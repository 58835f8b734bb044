-- In how many entries a figure changes while the words of the source for it stay.
SELECT count(*) AS changed, min(new.locator) AS first_at
FROM present.{table} AS old
JOIN {incoming} AS new USING (entry_id)
WHERE old.source_id = $source_id
    AND old.{column} <> new.{column}
    AND old.{printed} = new.{printed};
