-- What the listed entries of one fact table said, in the revisions on either side.
SELECT listed.place, held.revision, to_json(held) AS row
FROM listed
JOIN history.{table} AS held USING (entry_id)
WHERE listed."table" = '{name}' AND held.revision IN (before_revision, after_revision)
