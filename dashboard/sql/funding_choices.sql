-- Values that the filters of the funding page offer. Organisations stand under the name of the reviewed table,
-- where it has one; those that most figures name come first.
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
organisations AS (
    SELECT coalesce(names.implementer, printed.spelling) AS implementer, sum(entries_count) AS entries_count
    FROM printed
    LEFT JOIN names
        ON names.spelling_folded = folded(printed.spelling)
    GROUP BY ALL
)
SELECT
    (SELECT list(DISTINCT year ORDER BY year) FROM funding WHERE year IS NOT NULL) AS years,
    (SELECT list(DISTINCT flow ORDER BY flow) FROM funding) AS flows,
    (SELECT list(DISTINCT account ORDER BY account) FROM funding) AS accounts,
    (SELECT list(DISTINCT agency ORDER BY agency) FROM funding WHERE agency IS NOT NULL) AS agencies,
    (SELECT list(DISTINCT sector ORDER BY sector) FROM funding) AS sectors,
    (SELECT list(implementer ORDER BY entries_count DESC, implementer) FROM organisations)
        AS implementers
