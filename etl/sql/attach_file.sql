-- A ledger's file beside whatever else is attached.
ATTACH '{path}' AS built (READ_ONLY);
