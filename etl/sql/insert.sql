-- Adds the offered rows to a table, column by name.
INSERT INTO main.{table} BY NAME SELECT * FROM new_rows;
