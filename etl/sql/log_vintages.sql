-- Adds a vintage unless the last word on that file was the same bytes, verdict and code.
INSERT INTO history.vintages BY NAME
SELECT new.*
FROM new_rows AS new
WHERE NOT EXISTS (
    SELECT 1
    FROM history.vintages AS old
    WHERE old.source_id = new.source_id
        AND old.file = new.file
        AND old.vintage_sha256 = new.vintage_sha256
        AND old.status = new.status
        AND old.reason IS NOT DISTINCT FROM new.reason
        AND old.code_version = new.code_version
        AND old.recorded_in = (
            SELECT max(last.recorded_in)
            FROM history.vintages AS last
            WHERE last.source_id = new.source_id AND last.file = new.file
        )
);
