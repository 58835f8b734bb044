-- Every organisation of the reviewed table: its name and its other spellings, separated by ' ; '.
SELECT implementer, spellings FROM implementers ORDER BY implementer
