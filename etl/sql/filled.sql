-- Whether a table holds any row: its name, or nothing.
SELECT '{name}' AS name WHERE EXISTS (FROM {schema}.{table})
