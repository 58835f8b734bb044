-- Rows without names: those that this refresh ended were there, open; those that it began come.
DELETE FROM {table}
WHERE ended_in IS NULL AND row_sha256 IN (SELECT row_sha256 FROM {built} WHERE ended_in = $refresh);

INSERT INTO {table} BY NAME FROM {built} WHERE ended_in = $refresh OR recorded_in = $refresh;
