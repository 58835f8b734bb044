-- The code that read the newest vintage of each file.
SELECT source_id, file, code_version
FROM vintages
QUALIFY row_number() OVER (PARTITION BY source_id, file ORDER BY recorded_in DESC) = 1;
