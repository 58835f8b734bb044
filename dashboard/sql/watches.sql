-- Every watched page, and what of it a person has to read.
SELECT
    watches.*,
    sources.title AS source_title,
    sources.status AS source_status,
    issues.rule AS to_read,
    strftime(seen.retrieved_at, '%Y-%m-%d %H:%M') AS retrieved,
    seen.origin
FROM watches
JOIN sources USING (source_id)
LEFT JOIN issues
    ON issues.source_id = watches.source_id AND issues.vintage_sha256 = watches.vintage_sha256
    AND issues.locator = 'watch/' || watches.page || '.html line 1'
LEFT JOIN (
    SELECT source_id, vintage_sha256, max(retrieved_at) AS retrieved_at, any_value(origin) AS origin
    FROM vintages
    WHERE status = 'watched'
    GROUP BY source_id, vintage_sha256
) AS seen
    ON seen.source_id = watches.source_id AND seen.vintage_sha256 = watches.vintage_sha256
ORDER BY watches.source_id, watches.page
