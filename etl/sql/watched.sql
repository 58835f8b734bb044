-- Watched pages that a person must look at: those to be read, and those that could not be had.
SELECT
    watches.source_id, watches.page, coalesce(issues.rule, watches.state) AS what,
    coalesce(issues.raw_value || '; ' || issues.fix, watches.reason) AS why
FROM watches
LEFT JOIN issues
    ON issues.source_id = watches.source_id AND issues.vintage_sha256 = watches.vintage_sha256
    AND issues.locator = 'watch/' || watches.page || '.html line 1'
WHERE issues.rule IS NOT NULL OR watches.reason IS NOT NULL
ORDER BY watches.source_id, watches.page;
