-- Every series with what may not be added.
SELECT series.*, sources.title AS source_title
FROM series
JOIN sources USING (source_id)
ORDER BY source_title, series.title
