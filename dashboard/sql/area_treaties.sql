-- Status of one area under three treaties.
SELECT * FROM treaty_status WHERE area = $area ORDER BY treaty, entry_id
