-- Takes the revisions of an export in: those in use into the present, the others into the past.
INSERT INTO {schema}.{table} BY NAME SELECT * FROM exported WHERE {condition};
