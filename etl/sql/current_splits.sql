-- The splits of the revisions that have not ended.
CREATE OR REPLACE VIEW main.splits AS
SELECT * FROM history.splits WHERE ended_in IS NULL;
