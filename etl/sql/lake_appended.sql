-- A table that is only ever added to.
INSERT INTO {table} BY NAME FROM {built} WHERE {number} = $refresh;
