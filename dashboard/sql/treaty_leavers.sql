-- States that leave a treaty, or of which the source notes that they suspend it, with the dates that are given.
SELECT status.*, coalesce(areas.name, status.area_as_printed) AS area_name
FROM treaty_status AS status
LEFT JOIN areas USING (area)
WHERE withdrawal_notified IS NOT NULL
    OR withdrawal_effective IS NOT NULL
    OR regexp_matches(coalesce(status.note, ''), '(?i)withdraw|suspen')
ORDER BY treaty DESC, coalesce(withdrawal_effective, withdrawal_notified, '9'), area_name, entry_id
