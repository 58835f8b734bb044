-- Values that the filters of the funding page offer.
SELECT
    (SELECT list(DISTINCT year ORDER BY year) FROM funding WHERE year IS NOT NULL) AS years,
    (SELECT list(DISTINCT flow ORDER BY flow) FROM funding) AS flows,
    (SELECT list(DISTINCT account ORDER BY account) FROM funding) AS accounts
