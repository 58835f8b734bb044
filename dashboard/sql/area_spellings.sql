-- Every area of the ledger: its code, its name and its other spellings, separated by ' ; '.
SELECT area, name, spellings FROM areas ORDER BY area
