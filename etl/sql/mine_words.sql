-- Which rule of etl/mine_words.yml takes a record, and the words that it found: the first rule whose
-- pattern stands in the record's texts, without what is set aside. Null where no rule does.
SELECT
    * EXCLUDE (whole_text, searched_text),
    CASE {rules} END AS selection_rule,
    CASE {words} END AS words_found
FROM (
    SELECT *, regexp_replace(whole_text, {aside}, ' ~ ', 'g') AS searched_text
    FROM (SELECT *, lower(concat_ws(' ~ ', {columns})) AS whole_text FROM records)
)
