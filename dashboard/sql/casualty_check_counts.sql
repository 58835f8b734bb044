-- How many checks of casualties came out how.
SELECT "check", outcome, count(*) AS checks_count
FROM casualty_checks
GROUP BY "check", outcome
ORDER BY "check", outcome
