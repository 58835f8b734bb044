-- The series that name who got the money: obligations first, the one with the most figures at the top.
SELECT partners.series, series.title, sources.title AS source_title, series.caution,
    partners.source_id, sources.url AS source_url,
    any_value(partners.flow) AS flow, any_value(partners.year_basis) AS year_basis,
    any_value(partners.is_additive) AS is_additive
FROM partners
JOIN series ON series.series = partners.series AND series.source_id = partners.source_id
JOIN sources ON sources.source_id = partners.source_id
GROUP BY ALL
ORDER BY any_value(partners.flow) <> 'obligation', sum(partners.entries_count) DESC, partners.series
