-- Writes the diff into the history: a withdrawn entry keeps its last values in a revision of its own,
-- a new value is a new revision, and the revision before it ends here.
INSERT INTO history.{table} BY NAME
SELECT held.* REPLACE (
    diff.revision AS revision, diff.change AS change, $refresh AS recorded_in
)
FROM history.{table} AS held
JOIN diff ON diff.entry_id = held.entry_id
WHERE diff.change = 'withdrawn' AND held.ended_in IS NULL;

INSERT INTO history.{table} BY NAME
SELECT incoming.* REPLACE (
    diff.revision AS revision, diff.change AS change, $refresh AS recorded_in
)
FROM incoming
JOIN diff ON diff.entry_id = incoming.entry_id
ORDER BY incoming.entry_id;

UPDATE history.{table} AS held
SET ended_in = $refresh
FROM diff
WHERE held.entry_id = diff.entry_id AND held.ended_in IS NULL AND held.revision < diff.revision;

-- The splits follow their entries; those of a withdrawn entry end with its last revision.
INSERT INTO history.splits BY NAME
SELECT
    diff.entry_id, diff.revision, part.dimension, part.category, part.value, part.unit,
    part.value_as_printed,
    $refresh AS recorded_in, NULL AS ended_in
FROM checked_splits AS part
JOIN incoming ON incoming.locator = part.locator
JOIN diff ON diff.entry_id = incoming.entry_id
ORDER BY diff.entry_id, part.dimension, part.category;

UPDATE history.splits AS held
SET ended_in = $refresh
FROM diff
WHERE held.entry_id = diff.entry_id AND held.ended_in IS NULL AND held.revision < diff.revision;
