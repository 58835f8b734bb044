-- The latest whole year of each area for which a casualty total of the Monitor was read.
-- This is the one rule for "latest casualties": area_profile and orphaned take the row from here. The Monitor alone,
-- so that areas compare: a register counts by its own definition. A part of a year, and a total that counts fewer
-- people than all casualties or more, is no measure beside the others, so an earlier whole year goes before it.
SELECT
    area, area_name, calendar_year, total, lower_bound, series, source_id, report, edition, place, source_url,
    entry_id
FROM casualties_side_by_side
WHERE measure = 'monitor' AND area IS NOT NULL AND total IS NOT NULL
    AND NOT is_partial_year AND NOT is_other_scope
QUALIFY row_number() OVER (
    PARTITION BY area
    ORDER BY calendar_year DESC, edition_order DESC NULLS LAST, is_secondary, entry_id
) = 1
