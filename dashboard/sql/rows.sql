-- The rows of one table that pass the filters. A published ledger keeps figures and views in reading
-- order, and DuckDB keeps that order, so nothing is sorted and the first rows leave at once.
SELECT {columns} FROM {table} AS t WHERE {condition} {limit}
