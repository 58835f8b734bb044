-- The entries in use: the last revision of each, unless the source dropped it.
CREATE OR REPLACE VIEW main.{table} AS
SELECT * FROM history.{table} WHERE ended_in IS NULL AND change <> 'withdrawn';
