-- Organisations whose name or another spelling holds the words, with how many figures of money name them;
-- one that is not in the reviewed table stands as it is printed. Those with the most figures come first.
WITH names AS (
    SELECT spelling_folded, min(implementer) AS implementer
    FROM (
        SELECT
            implementer,
            folded(unnest(string_split(concat_ws(' ; ', implementer, spellings), ' ; '))) AS spelling_folded
        FROM implementers
    )
    GROUP BY spelling_folded
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
        ON names.spelling_folded = folded(printed.spelling)
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
