-- Rows of a table without those of some sources, or those alone.
SELECT * FROM ({rows}) WHERE {condition}
