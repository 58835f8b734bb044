-- The rows of one table that pass the filters, in a fixed order.
SELECT {columns} FROM {table} AS t WHERE {condition} ORDER BY {order}
