-- How much each area depended on U.S. money on one basis, the most dependent first.
SELECT dependency_summary.*, areas.kind
FROM dependency_summary
LEFT JOIN areas ON areas.area = dependency_summary.area
WHERE basis = $basis
ORDER BY us_share_percent DESC NULLS LAST, area_name, dependency_summary.area
