-- All revisions of a fact table, and the current ones under the table's own name.
CREATE OR REPLACE VIEW history.{table} AS FROM present.{table} UNION ALL BY NAME FROM past.{table};
CREATE OR REPLACE VIEW main.{table} AS FROM present.{table};
