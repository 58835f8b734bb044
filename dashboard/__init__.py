"""The dashboard and the API: they read the published ledger, the map, and archived lines to show."""
