"""The dashboard and the API: they read the published ledger and nothing else."""
