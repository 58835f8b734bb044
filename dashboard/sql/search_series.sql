-- Series whose name, title or caution holds the words.
SELECT *
FROM (
    SELECT series.series, series.title, series.caution, series.source_id, sources.title AS source_title
    FROM series
    JOIN sources ON sources.source_id = series.source_id
)
WHERE {condition}
ORDER BY source_title, title, series
LIMIT ?
