-- The name of every series.
SELECT DISTINCT series FROM series ORDER BY series
