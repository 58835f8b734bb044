-- Writes rows to a Parquet file.
COPY (SELECT {columns} FROM {rows} ORDER BY {order})
TO $path (FORMAT parquet, COMPRESSION zstd);
