-- The first row whose date lies after the vintage was retrieved; dates are compared as far as known.
SELECT locator, {column}::VARCHAR
FROM {incoming}
WHERE {column}::VARCHAR > left($today, length({column}::VARCHAR))
ORDER BY {column} DESC, locator
LIMIT 1;
