-- A table that is only ever added to is its own history.
CREATE OR REPLACE VIEW main.{table} AS FROM history.{table};
