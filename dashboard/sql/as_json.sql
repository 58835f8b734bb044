-- Each row of a question as one JSON object, with all digits of its decimals.
SELECT to_json(found)::VARCHAR FROM ({rows}) AS found
