-- The newest edition of State's report among the tables, with the address of the report as a whole.
SELECT coverage.report, coverage.edition, sources.url AS source_url
FROM coverage
JOIN sources USING (source_id)
ORDER BY coverage.edition DESC
LIMIT 1
