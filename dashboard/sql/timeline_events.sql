-- Dated events: those of the U.S. program and its policy, and what states did under three treaties, oldest first.
-- Every date of a treaty is a row of its own; a date that is not printed makes none.
SELECT
    'program' AS kind, date, year, NULL AS area, NULL AS area_name, NULL AS treaty, event, body, summary, note,
    report, edition, source_url, entry_id
FROM program_events
UNION ALL
SELECT
    dated.kind, dated.date, try_cast(dated.date[:4] AS BIGINT), status.area, areas.name, status.treaty, dated.event,
    coalesce(areas.name, status.area_as_printed), dated.basis, status.note,
    status.report, status.edition, status.source_url, status.entry_id
FROM treaty_status AS status
LEFT JOIN areas USING (area)
CROSS JOIN LATERAL (
    VALUES
        ('signed', signed, 'signed', NULL),
        ('joined', bound_date, coalesce(bound_kind, 'bound'), NULL),
        ('in_force', entry_into_force, 'in force', entry_into_force_basis),
        ('withdrawal_notified', withdrawal_notified, 'withdrawal notified', NULL),
        ('withdrawal', withdrawal_effective, 'withdrawal takes effect', NULL)
) AS dated (kind, date, event, basis)
WHERE dated.date IS NOT NULL
ORDER BY date, kind, body, treaty, entry_id
