-- Names that one table holds more than once; a lake has no constraints.
SELECT {key}, count(*) FROM {table} GROUP BY ALL HAVING count(*) > 1 ORDER BY ALL LIMIT 3;
