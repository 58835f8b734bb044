-- Every area code of the ledger.
SELECT area FROM areas ORDER BY area
