-- The rows of one table that pass the filters, sorted: those as of an earlier refresh, which are put
-- together from the past and the present, those of the small tables that are not kept in order, and
-- those whose order a reader asks for.
SELECT {columns} FROM {table} AS t WHERE {condition} ORDER BY {order} {limit}
