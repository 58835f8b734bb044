-- Areas whose code, name or other spelling holds the words: those with figures first, and of these the
-- one with the shortest name, which is nearest to a name that was typed.
SELECT *
FROM (
    SELECT area, name, spellings, kind, area IN (SELECT area FROM area_profile) AS has_figures
    FROM areas
)
WHERE {condition}
ORDER BY has_figures DESC, length(name), name
LIMIT ?
