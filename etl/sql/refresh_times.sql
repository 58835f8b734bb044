-- When each refresh finished.
SELECT refresh, finished_at FROM history.refreshes ORDER BY refresh;
