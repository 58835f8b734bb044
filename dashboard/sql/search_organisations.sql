-- Organisations whose name or another spelling holds the words, with how many figures of money name them;
-- one that is not in the reviewed table stands as it is printed. Those with the most figures come first.
WITH names AS (
    SELECT folded, min(implementer) AS implementer
    FROM (
        SELECT
            implementer,
            unnest(string_split(concat_ws(' ; ', implementer, spellings), ' ; ')) AS spelling,
            trim(regexp_replace(lower(spelling), '[\s\p{{Z}}]+', ' ', 'g')) AS folded
        FROM implementers
    )
    GROUP BY folded
),
printed AS (
    SELECT implementer AS spelling, count(*) AS entries_count
    FROM funding
    WHERE implementer IS NOT NULL
    GROUP BY spelling
),
joined AS (
    SELECT coalesce(names.implementer, printed.spelling) AS implementer, spelling, entries_count
    FROM printed
    LEFT JOIN names
        ON names.folded = trim(regexp_replace(lower(printed.spelling), '[\s\p{{Z}}]+', ' ', 'g'))
    UNION ALL
    SELECT implementer, spellings, 0 FROM implementers
)
SELECT *
FROM (
    SELECT
        implementer,
        string_agg(DISTINCT spelling, ' ; ' ORDER BY spelling) AS spellings,
        sum(entries_count)::BIGINT AS entries_count
    FROM joined
    GROUP BY implementer
)
WHERE {condition}
ORDER BY entries_count DESC, implementer
LIMIT ?
