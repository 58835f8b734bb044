-- Puts the rows that were published last where readers look for them.
INSERT INTO main.{table} BY NAME {rows}
