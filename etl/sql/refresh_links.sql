-- Each refresh with its times and the manifest before it, as a manifest names them.
SELECT refresh, started_at, finished_at, parent_manifest_sha256 FROM history.refreshes;
