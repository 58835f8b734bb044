-- Sources whose latest vintage is not in use, with the check that stopped it.
SELECT source_id, rule, reason, vintages_sha256, files, can_be_accepted, recorded_in FROM holds ORDER BY source_id, rule IN ('stale', 'dark'), rule;
