-- Writes rows to a CSV file: plain values, an empty cell for null, times in UTC.
COPY (SELECT {columns} FROM {rows} ORDER BY {order})
TO $path (FORMAT csv, HEADER, TIMESTAMPFORMAT '%Y-%m-%dT%H:%M:%S.%fZ');
