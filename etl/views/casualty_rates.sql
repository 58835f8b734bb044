-- Casualties per 100,000 people: the chosen figure of each area and year over its population of that year.
-- Population comes from one series and edition alone. Without it the rate is null, and so it is where only part
-- of the year is counted.
WITH living AS (
    SELECT area, year, people, entry_id, source_id, report, edition, source_url
    FROM population
    WHERE people > 0 AND area IS NOT NULL
    QUALIFY row_number() OVER (
        PARTITION BY area, year
        ORDER BY series, edition_order DESC NULLS LAST, edition, entry_id
    ) = 1
)
SELECT
    hurt.area, hurt.area_name, hurt.calendar_year, hurt.measure, hurt.total, hurt.lower_bound,
    hurt.is_partial_year, hurt.is_break,
    living.people,
    CASE WHEN NOT hurt.is_partial_year THEN round(100000.0 * hurt.total / living.people, 3) END::DOUBLE
        AS rate,
    CASE WHEN hurt.total < 20
        THEN 'fewer than 20 people: one accident more or less moves the rate a good deal' END
        AS small_number_note,
    hurt.entry_id, hurt.source_id, hurt.series, hurt.report, hurt.edition, hurt.source_url,
    living.entry_id AS population_entry_id,
    living.source_id AS population_source_id,
    living.report AS population_report,
    living.edition AS population_edition,
    living.source_url AS population_source_url
FROM casualties_by_area_year AS hurt
LEFT JOIN living ON living.area = hurt.area AND living.year = hurt.calendar_year
WHERE hurt.total IS NOT NULL AND hurt.area IS NOT NULL
