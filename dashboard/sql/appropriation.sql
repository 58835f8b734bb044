-- The newest appropriation for State's conventional weapons destruction line.
SELECT *
FROM funding
WHERE series = 'state_appropriation' AND amount_usd IS NOT NULL
ORDER BY year DESC
LIMIT 1
