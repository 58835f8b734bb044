-- Checks of casualty figures: parts against totals, countries against the world, others against the Monitor.
-- A check mends nothing. People are held against accidents only because each accident hurts at least one.
WITH compared AS (
    SELECT
        'parts and total' AS "check",
        held.area, coalesce(areas.name, held.area_as_printed) AS area_name, held.year AS calendar_year,
        held.killed + held.injured + coalesce(held.unknown, 0) AS value, held.total AS reference,
        false AS is_partial,
        held.unknown IS NULL AS is_open,
        held.series, held.edition, held.entry_id, held.source_url,
        held.series AS reference_series, held.edition AS reference_edition,
        held.entry_id AS reference_entry_id
    FROM casualties AS held
    LEFT JOIN areas ON areas.area = held.area
    WHERE held.killed IS NOT NULL AND held.injured IS NOT NULL AND held.total IS NOT NULL
        AND held.series <> 'monitor_world_casualties'
    UNION ALL
    SELECT
        'parts and total', 'XWD', coalesce(areas.name, 'World'), calendar_year,
        killed + injured + coalesce(unknown, 0), total, false, unknown IS NULL,
        'monitor_world_casualties', edition, entry_id, source_url, 'monitor_world_casualties', edition,
        entry_id
    FROM casualties_world
    LEFT JOIN areas ON areas.area = 'XWD'
    WHERE killed IS NOT NULL AND injured IS NOT NULL AND total IS NOT NULL
    UNION ALL
    SELECT
        'countries and world', 'XWD', coalesce(areas.name, 'World'), calendar_year, areas_sum, total,
        false, false, 'monitor_casualties', NULL, NULL, NULL, 'monitor_world_casualties', edition, entry_id
    FROM casualties_world
    LEFT JOIN areas ON areas.area = 'XWD'
    WHERE total IS NOT NULL AND areas_sum IS NOT NULL
    UNION ALL
    SELECT
        'register and Monitor', held.area, held.area_name, held.calendar_year, held.total,
        monitor.total, held.is_partial_year OR monitor.is_partial_year, held.is_other_scope,
        held.series, held.edition, held.entry_id, held.source_url, monitor.series, monitor.edition,
        monitor.entry_id
    FROM casualties_side_by_side AS held
    JOIN casualties_side_by_side AS monitor
        ON monitor.area IS NOT DISTINCT FROM held.area AND monitor.area_name = held.area_name
        AND monitor.calendar_year = held.calendar_year AND monitor.measure = 'monitor'
    WHERE held.measure IN ('register_counts', 'register_rows', 'event_counts')
        AND held.is_newest_edition AND held.total IS NOT NULL AND monitor.total IS NOT NULL
    UNION ALL
    SELECT
        'accidents and people', people.area, people.area_name, people.calendar_year, people.total,
        accidents.events_count, people.is_partial_year OR accidents.is_partial_year, false,
        people.series, people.edition, people.entry_id, people.source_url, accidents.series,
        accidents.edition, NULL
    FROM casualties_side_by_side AS people
    JOIN casualties_side_by_side AS accidents
        ON accidents.area IS NOT DISTINCT FROM people.area
        AND accidents.area_name = people.area_name
        AND accidents.calendar_year = people.calendar_year AND accidents.measure = 'event_counts'
        AND accidents.events_count > 0
    WHERE people.measure = 'register_rows' AND people.total IS NOT NULL
),
judged AS (
    SELECT
        *,
        CASE
            WHEN is_partial THEN 'not compared'
            WHEN value = reference THEN 'equal'
            WHEN value > reference THEN 'above'
            ELSE 'below'
        END AS outcome
    FROM compared
)
SELECT
    "check", area, area_name, calendar_year, outcome,
    CASE
        WHEN outcome = 'not compared' THEN 'one of the two counts only part of the year'
        WHEN "check" = 'parts and total' THEN CASE
            WHEN outcome = 'equal' THEN 'the parts add up to the total'
            WHEN outcome = 'below' AND is_open
                THEN 'the parts fall short of the total; unknown outcomes are not printed'
            WHEN outcome = 'below' THEN 'the parts fall short of the total'
            ELSE 'the parts exceed the total' END
        WHEN "check" = 'countries and world' THEN CASE
            WHEN outcome = 'above'
                THEN 'the countries exceed this world total; a later edition raised a country'
            ELSE 'the countries that were read reach '
                || round(100 * value / reference, 1) || ' percent of this world total' END
        WHEN "check" = 'accidents and people' THEN CASE
            WHEN outcome = 'below' THEN 'fewer people than accidents: people or accidents are missing'
            ELSE 'no fewer people than accidents' END
        WHEN is_open THEN 'another scope: it counts fewer people than all casualties, or more'
        WHEN outcome = 'equal' THEN 'both print the same'
        ELSE 'the two differ by ' || format('{:,}', abs(value - reference))
    END AS words,
    value, reference,
    CASE WHEN outcome <> 'not compared' AND "check" <> 'accidents and people' THEN value - reference END
        AS difference,
    CASE WHEN outcome <> 'not compared' AND reference <> 0
        THEN round(value::DOUBLE / reference, 4) END AS ratio,
    series, edition, entry_id, source_url, reference_series, reference_edition, reference_entry_id
FROM judged
