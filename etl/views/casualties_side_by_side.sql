-- What each measure says of the casualties of one area and year, side by side; one row of them is chosen.
-- Nothing is added across measures, series or editions: a printed figure is one entry, and the rows of one
-- register are counted by themselves, people apart from accidents. One row an area and year is chosen: a whole
-- year before part of one, all casualties before some of them, a total before none, then by the order of
-- casualty_measures, then the newest edition. Accidents without numbers of people are never chosen.
WITH printed AS (
    SELECT
        *,
        coalesce(area, area_as_printed) AS of_area,
        -- the body that counts; a publication that quotes it stands in brackets
        regexp_replace(report, ' \(.*', '') AS body,
        -- words by which a note says that the figure counts less, or more, than all casualties
        coalesce(regexp_matches(note,
            '(?i)civilian casualties only|^civilians\b|mine casualties only|antipersonnel mine casualties'
            || '|civilians only|casualties, not part of|provinces only|deaths only'
            || '|not limited to victim-activated|wider than mines|injured not printed|are not counted'
            || '|all explosive devices'), false) AS is_other_scope
    FROM casualties
    WHERE series <> 'monitor_world_casualties'
),
counted AS (
    SELECT
        *,
        count(DISTINCT edition) OVER by_year AS editions_count,
        min(total) FILTER (WHERE NOT is_partial_year) OVER by_year AS lowest_total,
        max(total) FILTER (WHERE NOT is_partial_year) OVER by_year AS highest_total,
        count(DISTINCT total) OVER (PARTITION BY series, of_area, year, report, edition) > 1
            AS is_disputed,
        row_number() OVER (
            PARTITION BY series, of_area, year, body
            ORDER BY
                is_partial_year, total IS NULL, edition_order DESC NULLS LAST, is_secondary,
                killed IS NULL, locator
        ) = 1 AS is_newest_edition
    FROM printed
    WINDOW by_year AS (PARTITION BY series, of_area, year, body)
),
figures AS (
    SELECT
        CASE
            WHEN series <> 'monitor_casualties' THEN 'register_counts'
            WHEN is_newest_edition THEN 'monitor'
            ELSE 'monitor_other'
        END AS measure,
        entry_id, of_area, area, area_as_printed, year, killed, injured, unknown, total, civilian,
        military, deminer, children, women, NULL::BIGINT AS events_count, lower_bound,
        is_partial_year, is_other_scope, is_newest_edition, editions_count, lowest_total,
        highest_total, is_disputed, is_secondary, 1 AS entries_count, 0 AS withdrawn_count,
        NULL::VARCHAR AS last_date, source_id, series, report, edition, edition_order, place, locator,
        vintage_sha256, source_url, note
    FROM counted
),
dropped AS (
    SELECT
        series, unit, area, area_as_printed, year, source_id, count(*) AS withdrawn_count,
        any_value(report ORDER BY entry_id) AS report, any_value(edition ORDER BY entry_id) AS edition,
        any_value(source_url ORDER BY entry_id) AS source_url
    FROM history.casualty_events
    WHERE change = 'withdrawn' AND ended_in IS NULL
        -- the history holds every source; vintages, like any table named alone here, none that may not be passed on
        AND source_id IN (SELECT source_id FROM vintages)
    GROUP BY ALL
),
held AS (
    SELECT
        series, unit, area, area_as_printed, year, source_id,
        count(*) AS entries_count,
        -- numbers of people: of persons their rows, of accidents what the source prints for every one
        CASE unit WHEN 'person' THEN count(*) FILTER (WHERE outcome = 'killed')
            ELSE CASE WHEN count(killed) = count(*) THEN sum(killed) END END::BIGINT AS killed,
        CASE unit WHEN 'person' THEN count(*) FILTER (WHERE outcome = 'injured')
            ELSE CASE WHEN count(injured) = count(*) THEN sum(injured) END END::BIGINT AS injured,
        CASE unit WHEN 'person' THEN count(*) FILTER (WHERE outcome = 'unknown') END AS unknown,
        CASE unit WHEN 'person' THEN count(*) FILTER (WHERE condition = 'civilian') END AS civilian,
        CASE unit WHEN 'person' THEN count(*) FILTER (WHERE condition = 'public force') END AS military,
        CASE unit WHEN 'person' THEN count(*) FILTER (WHERE age_group = 'minor') END AS children,
        CASE unit WHEN 'person' THEN count(*) FILTER (WHERE sex = 'female') END AS women,
        any_value(report ORDER BY entry_id) AS report, any_value(edition ORDER BY entry_id) AS edition,
        any_value(source_url ORDER BY entry_id) AS source_url
    FROM casualty_events
    GROUP BY series, unit, area, area_as_printed, year, source_id
),
registers AS (
    SELECT series, unit, max(date) AS last_date, max(year) AS last_year
    FROM casualty_events
    GROUP BY series, unit
),
rows_counted AS (
    SELECT
        CASE WHEN coalesce(held.unit, dropped.unit) = 'person' THEN 'register_rows'
            ELSE 'event_counts' END AS measure,
        coalesce(held.area, dropped.area, held.area_as_printed, dropped.area_as_printed) AS of_area,
        coalesce(held.area, dropped.area) AS area,
        coalesce(held.area_as_printed, dropped.area_as_printed) AS area_as_printed,
        coalesce(held.year, dropped.year) AS year,
        held.killed, held.injured, held.unknown,
        CASE held.unit WHEN 'person' THEN held.entries_count ELSE held.killed + held.injured END AS total,
        held.civilian, held.military, held.children, held.women,
        CASE held.unit WHEN 'event' THEN held.entries_count END AS events_count,
        false AS lower_bound,
        coalesce(held.year, dropped.year) >= coalesce(registers.last_year, 0) AS is_partial_year,
        false AS is_other_scope, true AS is_newest_edition, 1 AS editions_count,
        false AS is_disputed, false AS is_secondary,
        coalesce(held.entries_count, 0) AS entries_count,
        coalesce(dropped.withdrawn_count, 0) AS withdrawn_count,
        registers.last_date,
        coalesce(held.source_id, dropped.source_id) AS source_id,
        coalesce(held.series, dropped.series) AS series,
        coalesce(held.report, dropped.report) AS report,
        coalesce(held.edition, dropped.edition) AS edition,
        coalesce(held.source_url, dropped.source_url) AS source_url
    FROM held
    FULL JOIN dropped
        ON dropped.series = held.series AND dropped.unit = held.unit AND dropped.year = held.year
        AND dropped.source_id = held.source_id AND dropped.area_as_printed = held.area_as_printed
        AND dropped.area IS NOT DISTINCT FROM held.area
    LEFT JOIN registers
        ON registers.series = coalesce(held.series, dropped.series)
        AND registers.unit = coalesce(held.unit, dropped.unit)
),
every AS (
    SELECT * FROM figures
    UNION ALL BY NAME
    SELECT
        *, total AS lowest_total, total AS highest_total,
        nullif(concat_ws('; ',
            CASE WHEN is_partial_year
                THEN 'the newest year of the register, whose newest row is of ' || last_date END,
            CASE WHEN withdrawn_count > 0
                THEN withdrawn_count || ' rows that the publisher dropped are not counted' END), '')
            AS note
    FROM rows_counted
),
ranked AS (
    SELECT
        every.*, casualty_measures.unit, casualty_measures.choice_order,
        casualty_measures.can_be_chosen AND every.entries_count > 0
            AND (casualty_measures.unit = 'person' OR every.total IS NOT NULL) AS can_be_chosen
    FROM every
    JOIN casualty_measures ON casualty_measures.measure = every.measure
)
SELECT
    ranked.* EXCLUDE (of_area, area_as_printed, year, can_be_chosen),
    coalesce(areas.name, ranked.area_as_printed) AS area_name,
    ranked.year AS calendar_year,
    -- an outcome that is not printed is not nought: parts that fall short without it say nothing
    CASE
        WHEN ranked.unknown IS NULL AND ranked.killed + ranked.injured < ranked.total THEN NULL
        ELSE ranked.killed + ranked.injured + coalesce(ranked.unknown, 0) = ranked.total
    END AS is_total_confirmed,
    ranked.can_be_chosen AND row_number() OVER (
        PARTITION BY ranked.of_area, ranked.year, ranked.can_be_chosen
        ORDER BY
            ranked.is_partial_year, ranked.is_other_scope, ranked.total IS NULL, ranked.choice_order,
            ranked.edition_order DESC NULLS LAST, ranked.is_secondary, ranked.killed IS NULL,
            ranked.series, ranked.locator, ranked.edition, ranked.area_as_printed
    ) = 1 AS is_chosen
FROM ranked
LEFT JOIN areas ON areas.area = ranked.area
