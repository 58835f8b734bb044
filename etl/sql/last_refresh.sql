-- The last refresh of this ledger, with its time in seconds since 1970.
SELECT refresh, epoch(finished_at) AS finished, code_version FROM refreshes ORDER BY refresh DESC LIMIT 1;
