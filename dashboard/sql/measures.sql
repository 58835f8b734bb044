-- The measures that are set side by side, why each may differ from State's report, and whose they are.
SELECT
    measures.measure, measures.title, measures.why, series.source_id,
    sources.title AS source_title, sources.status AS source_status
FROM measures
LEFT JOIN series ON series.series = measures.series
LEFT JOIN sources ON sources.source_id = series.source_id
ORDER BY measures.place NULLS LAST, measures.measure
