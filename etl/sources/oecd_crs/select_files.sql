-- The bulk files: rows whose one purpose is 15250. A code that went through a table of numbers ends in .0.
SELECT
    *,
    CASE
        WHEN regexp_replace(trim(purpose_code), '\.0*$', '') = '15250' THEN 'purpose 15250'
    END AS selection_rule
FROM records
