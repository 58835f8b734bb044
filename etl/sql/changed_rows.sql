-- How many entries changed in each table of each source.
SELECT
    source_id, "table",
    count(*) FILTER (change = 'added') AS added,
    count(*) FILTER (change = 'revised') AS revised,
    count(*) FILTER (change = 'withdrawn') AS withdrawn,
    count(*) FILTER (change = 'restored') AS restored
FROM changed
GROUP BY source_id, "table"
ORDER BY source_id, "table";
