"""Load public mine-action figures into a ledger that keeps every source row and every revision."""

__version__ = "0.1.0"
