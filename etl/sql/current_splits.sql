-- The splits of the revisions that have not ended.
INSERT INTO main.{table} BY NAME
SELECT * FROM history.{table}
WHERE ended_in IS NULL
ORDER BY {order};
