-- Every vintage that was accepted, in the order of the refreshes.
SELECT *
FROM vintages
WHERE status = 'accepted'
ORDER BY recorded_in, source_id, file;
