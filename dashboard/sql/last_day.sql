-- The day of the newest refresh.
SELECT strftime(max(finished_at), '%Y-%m-%d') FROM refreshes
