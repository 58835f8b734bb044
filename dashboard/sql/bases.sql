-- On what it can be told who pays, with how many areas and years this ledger holds on each basis.
SELECT
    bases.*, series.source_id, series.caution, sources.title AS source_title, sources.url AS source_url,
    sources.status AS source_status,
    coalesce(held.areas_count, 0) AS areas_count, held.first_year, held.last_year
FROM bases
JOIN series ON series.series = bases.series
JOIN sources ON sources.source_id = series.source_id
LEFT JOIN (
    SELECT basis, count(*) AS areas_count, min(first_year) AS first_year, max(last_year) AS last_year
    FROM dependency_summary
    GROUP BY basis
) AS held ON held.basis = bases.basis
ORDER BY bases.place, bases.basis
