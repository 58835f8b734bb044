-- The hash of each row, in the order of the hashes, so that it does not matter how the rows lie.
SELECT sha256(concat_ws(chr(31), {content})) AS row_sha256
FROM ({rows})
ORDER BY row_sha256;
