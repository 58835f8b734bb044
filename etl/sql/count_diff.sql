-- How many entries per kind of change.
SELECT change, count(*) FROM {diff} GROUP BY change ORDER BY change;
