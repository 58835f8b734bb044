-- A person says that a lake's catalog is in this database now; PostgreSQL's.
UPDATE hma_lake SET database = {database}
