-- How many entries of a fact table each refresh added, revised, withdrew or restored, by source.
SELECT recorded_in AS refresh, source_id, change, count(*) AS entries
FROM history.{table}
GROUP BY ALL
