-- The editions in which the newest figures of those years were read.
SELECT DISTINCT report, edition, min(source_url) OVER (PARTITION BY edition) AS source_url
FROM coverage
WHERE fiscal_year BETWEEN 2015 AND 2017
ORDER BY edition DESC
