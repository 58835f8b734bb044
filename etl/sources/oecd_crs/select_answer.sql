-- The query's answer: rows of purpose 15250 in current prices. Constant prices (Q) are re-based every year.
SELECT
    *,
    CASE
        WHEN trim(purpose_code) = '15250' AND trim(price_base) = 'V' THEN 'purpose 15250'
    END AS selection_rule
FROM records
