-- Earlier revisions: those that this refresh ended or withdrew come; one that it ended was there, open.
DELETE FROM {table}
WHERE ended_in IS NULL AND entry_id IN (SELECT entry_id FROM {built} WHERE ended_in = $refresh);

INSERT INTO {table} BY NAME FROM {built} WHERE ended_in = $refresh OR recorded_in = $refresh;
