-- One table of the ledger without the rows of the sources that may not be passed on.
CREATE OR REPLACE {temporary} VIEW {name} AS FROM {rows} WHERE {condition};
