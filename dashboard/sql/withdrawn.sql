-- The figures that one area's sources dropped and have not brought back, of one table.
SELECT '{name}' AS "table", entry_id, to_json(held)::VARCHAR AS row, recorded_in
FROM history.{table} AS held
WHERE area = $area
    AND change = 'withdrawn'
    AND recorded_in <= coalesce(getvariable('as_of'), recorded_in)
    AND (ended_in IS NULL OR ended_in > getvariable('as_of'))
