-- The sources that the view reconciliation sets side by side.
SELECT DISTINCT series.source_id FROM measures JOIN series ON series.series = measures.series;
