-- The ledger beside an empty database in which its tables are shown without some rows.
ATTACH '{path}' AS ledger (READ_ONLY);
CREATE SCHEMA present;
CREATE SCHEMA past;
CREATE SCHEMA history;
