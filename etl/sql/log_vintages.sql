-- Adds a vintage unless the last word on that file was the same bytes with the same verdict.
INSERT INTO main.vintages BY NAME
SELECT new.*
FROM new_rows AS new
WHERE NOT EXISTS (
    SELECT 1
    FROM main.vintages AS old
    WHERE old.source_id = new.source_id
        AND old.file = new.file
        AND old.vintage_sha256 = new.vintage_sha256
        AND old.status = new.status
        AND old.reason IS NOT DISTINCT FROM new.reason
        AND old.recorded_in = (
            SELECT max(last.recorded_in)
            FROM main.vintages AS last
            WHERE last.source_id = new.source_id AND last.file = new.file
        )
);
