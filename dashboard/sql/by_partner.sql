-- The sources whose figures name the organisation that got the money, and do not come with the project.
SELECT DISTINCT sources.source_id, sources.title
FROM series
JOIN sources USING (source_id)
WHERE series.is_by_partner AND sources.status NOT IN ('transcribed', 'local')
ORDER BY sources.title
