-- Files whose last vintage was not accepted, with the reason.
SELECT source_id, file, reason
FROM vintages
QUALIFY row_number() OVER (PARTITION BY source_id, file ORDER BY recorded_in DESC) = 1
    AND status = 'held'
ORDER BY source_id, file
