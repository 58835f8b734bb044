-- World casualties by year and edition, newest year first and its newest edition first.
SELECT * FROM casualties_world ORDER BY calendar_year DESC, edition_order DESC, edition
