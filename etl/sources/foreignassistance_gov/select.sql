-- Which records of ForeignAssistance.gov are about mine action, and by which rule; null where by none.
-- The first rule that fits takes a record, so none is taken twice. The rules are explained in source.yml.
SELECT
    *,
    CASE
        WHEN purpose_code = '15250' THEN 'purpose 15250'
        -- weapons of mass destruction, whatever the account and the words
        WHEN purpose_code = '1520010' THEN NULL
        WHEN purpose_code = '15240' AND account_id = '11x1075' THEN
            CASE
                WHEN regexp_matches(activity_name, 'conventional\s+weapons?\s+destruction', 'i')
                    THEN 'weapons destruction'
            END
        -- 97xDPDA gives weapons away, mines among them
        WHEN account_id = '97xDPDA' THEN NULL
        WHEN managing_agency_acronym IN ('DOD', 'ARMY', 'NAVY', 'AF') OR account_id = '97x0819' THEN
            CASE
                WHEN regexp_matches(
                    concat_ws(' | ', activity_name, purpose_name),
                    '\b(de-?mining|demine(rs?)?|mine action|mine (awareness|clearance|detection|risk|victims?)'
                    || '|land ?-?mines?|explosive remnants?|unexploded ordnance|uxo)\b',
                    'i'
                ) THEN 'Defense account'
            END
    END AS selection_rule
FROM records
