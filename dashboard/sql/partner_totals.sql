-- Each organisation with its sum in one series, in an area or (with '') in all; the largest first, no name last.
SELECT implementer, implementer_kind, is_matched, coalesce(sum(amount_usd), 0) AS amount_usd
FROM partners
WHERE series = $series AND ($area = '' OR area = $area)
GROUP BY implementer, implementer_kind, is_matched
ORDER BY implementer IS NULL, amount_usd DESC, implementer
