-- Every source with its terms and caveats.
SELECT * FROM sources ORDER BY title, source_id
