-- Takes the rows of an export into the history of a table that is no entry table.
INSERT INTO history.{table} BY NAME SELECT * FROM exported;
