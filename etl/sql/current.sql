-- The entries in use: the last revision of each, unless the source dropped it.
INSERT INTO main.{table} BY NAME
SELECT * FROM history.{table}
WHERE ended_in IS NULL AND change <> 'withdrawn'
ORDER BY {order};
