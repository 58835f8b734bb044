-- Events of the U.S. program and of U.S. mine policy, oldest first.
SELECT * FROM program_events ORDER BY date, event
