-- Adds the offered rows to a table, column by name.
INSERT INTO {schema}.{table} BY NAME SELECT * FROM new_rows;
