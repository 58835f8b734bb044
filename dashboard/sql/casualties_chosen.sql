-- The chosen casualties of every area and year, with their rate where there is a population.
SELECT hurt.*, rates.rate, rates.people, rates.small_number_note, rates.population_entry_id,
    rates.population_report, rates.population_source_url
FROM casualties_by_area_year AS hurt
LEFT JOIN casualty_rates AS rates
    ON rates.area = hurt.area AND rates.calendar_year = hurt.calendar_year
WHERE hurt.area IS NOT NULL
ORDER BY hurt.area_name, hurt.calendar_year
