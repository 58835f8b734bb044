-- Entries in use: those that this refresh ended or withdrew go, those that it began come.
DELETE FROM {table}
WHERE entry_id IN (
    SELECT entry_id FROM {past} WHERE ended_in = $refresh OR recorded_in = $refresh
    UNION ALL
    SELECT entry_id FROM {built} WHERE recorded_in = $refresh
);

INSERT INTO {table} BY NAME FROM {built} WHERE recorded_in = $refresh;
