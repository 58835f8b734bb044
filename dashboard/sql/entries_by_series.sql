-- How many figures in use each series has in one table.
SELECT '{name}' AS fact_table, series, count(*) AS entries FROM {table} GROUP BY series
