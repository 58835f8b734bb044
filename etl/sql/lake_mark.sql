-- Keeps whose rows a lake's are, in the catalog; PostgreSQL's.
CREATE TABLE IF NOT EXISTS hma_lake (lake text NOT NULL, database text NOT NULL);
INSERT INTO hma_lake (lake, database) VALUES ({lake}, {database})
