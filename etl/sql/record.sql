-- Writes the diff of one fact table into the ledger. What is replaced or dropped moves to the past,
-- where it ends with this refresh; nothing is overwritten. Nothing is sorted here: record.lay_out puts
-- the rows of every table that changed in reading order.
UPDATE past.{table} AS held
SET ended_in = $refresh
FROM {diff} AS diff
WHERE held.entry_id = diff.entry_id AND held.ended_in IS NULL AND diff.change = 'restored';

INSERT INTO past.{table} BY NAME
SELECT held.* REPLACE ($refresh AS ended_in)
FROM present.{table} AS held
JOIN {diff} AS diff ON diff.entry_id = held.entry_id;

-- a withdrawn entry keeps its last values in a revision of its own
INSERT INTO past.{table} BY NAME
SELECT held.* REPLACE (
    diff.revision AS revision, diff.change AS change, $refresh AS recorded_in, NULL AS ended_in
)
FROM present.{table} AS held
JOIN {diff} AS diff ON diff.entry_id = held.entry_id
WHERE diff.change = 'withdrawn';

DELETE FROM present.{table} AS held
USING {diff} AS diff
WHERE held.entry_id = diff.entry_id;

INSERT INTO present.{table} BY NAME
SELECT incoming.* REPLACE (
    diff.revision AS revision, diff.change AS change, $refresh AS recorded_in, NULL AS ended_in
)
FROM {incoming} AS incoming
JOIN {diff} AS diff ON diff.entry_id = incoming.entry_id;

-- The splits follow their entries; those of a withdrawn entry end with its last value.
INSERT INTO past.splits BY NAME
SELECT held.* REPLACE ($refresh AS ended_in)
FROM present.splits AS held
JOIN {diff} AS diff ON diff.entry_id = held.entry_id;

DELETE FROM present.splits AS held
USING {diff} AS diff
WHERE held.entry_id = diff.entry_id;

INSERT INTO present.splits BY NAME
SELECT part.*, diff.revision, $refresh AS recorded_in
FROM {incoming_splits} AS part
JOIN {diff} AS diff ON diff.entry_id = part.entry_id;
