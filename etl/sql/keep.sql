-- Keeps the history of a table whose rows have no name: a row that is gone ends with this refresh,
-- a row that is new begins with it.
CREATE OR REPLACE TEMP TABLE rows_now AS
SELECT DISTINCT {columns}, sha256(concat_ws(chr(31), {content})) AS row_sha256
FROM main.{table};

UPDATE history.{table}
SET ended_in = $refresh
WHERE ended_in IS NULL AND row_sha256 NOT IN (SELECT row_sha256 FROM rows_now);

INSERT INTO history.{table} BY NAME
SELECT *, $refresh AS recorded_in
FROM rows_now
WHERE row_sha256 NOT IN (SELECT row_sha256 FROM history.{table} WHERE ended_in IS NULL);
