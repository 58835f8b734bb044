-- Lays the rows of a table in the order in which they are read.
CREATE OR REPLACE TABLE {schema}.sorted AS FROM {schema}.{table} ORDER BY {order};
DROP TABLE {schema}.{table};
ALTER TABLE {schema}.sorted RENAME TO {table};
