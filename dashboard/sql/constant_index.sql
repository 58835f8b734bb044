-- The index behind the constant dollars of figures whose years are of one kind.
SELECT
    index_publisher, index_edition, index_source_url, index_unit, base_index_value,
    base_index_entry_id
FROM funding_constant
WHERE deflation = 'deflated' AND year_basis = $year_basis
ORDER BY index_series, index_edition, base_index_entry_id
LIMIT 1
