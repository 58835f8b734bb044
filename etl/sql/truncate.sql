-- Empties a reference table before it is filled from its file again.
DELETE FROM main.{table};
