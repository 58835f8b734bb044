-- What is printed about missions, events and people trained.
SELECT * FROM program_activities ORDER BY year, area_as_printed, entry_id
