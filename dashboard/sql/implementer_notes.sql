-- Every organisation of the reviewed table, and why its spellings are joined.
SELECT implementer, note FROM implementers
