-- How many figures in use one table has of one area, under whatever name it was printed.
SELECT '{name}' AS fact_table, count(*) AS entries FROM {table} WHERE area = $area
