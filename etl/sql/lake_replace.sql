-- Makes one table of the lake anew from the ledger that was built.
CREATE OR REPLACE TABLE {table} AS FROM {built};
