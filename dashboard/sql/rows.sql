-- The rows of one table that pass the filters. A published ledger keeps each table in reading order, and
-- DuckDB keeps that order, so nothing is sorted and the first rows leave at once.
SELECT {columns} FROM {table} AS t WHERE {condition}
