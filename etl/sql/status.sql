-- The last refresh of this ledger.
SELECT refresh, strftime(finished_at, '%Y-%m-%d %H:%M:%S') AS finished, code_version FROM refreshes ORDER BY refresh DESC LIMIT 1;
