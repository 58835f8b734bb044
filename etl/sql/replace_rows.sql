-- Brings the rows of one source up to those offered; what stays as it was keeps its refresh.
DELETE FROM main.{table}
WHERE source_id = $source_id
    AND sha256(concat_ws(chr(31), {content})) NOT IN (
        SELECT sha256(concat_ws(chr(31), {content})) FROM new_rows
    );

INSERT INTO main.{table} BY NAME
SELECT DISTINCT *
FROM new_rows
WHERE sha256(concat_ws(chr(31), {content})) NOT IN (
    SELECT sha256(concat_ws(chr(31), {content})) FROM main.{table} WHERE source_id = $source_id
);
