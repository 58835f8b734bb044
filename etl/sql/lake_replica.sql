-- Takes one table of the lake into a file, in the order in which it is read.
CREATE OR REPLACE TABLE {to} AS FROM {table} ORDER BY {order};
