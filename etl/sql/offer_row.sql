-- Adds one row to those offered, its values in the declared order.
INSERT INTO new_rows VALUES ({marks});
