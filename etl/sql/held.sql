-- Sources whose latest vintage is not in use, with the check that stopped it.
SELECT source_id, rule, reason, vintages_sha256, recorded_in FROM holds ORDER BY source_id;
