-- World casualties as the Monitor prints them: by year and edition, with device, status, age and sex.
-- Beside each printed total stands the sum of the Monitor's country totals of the year. That sum is a check of
-- how much of the world was read, and no count of the world: each area is in it with its newest edition, and
-- areas without a row were not read. by_then_sum takes only what this or an earlier edition prints.
WITH entries AS (
    SELECT * FROM casualties WHERE series = 'monitor_world_casualties'
),
pieces AS (
    SELECT
        entries.year, entries.edition,
        min(splits.entry_id) FILTER (WHERE splits.dimension <> 'coverage') AS split_entry_id,
        max(value) FILTER (WHERE category = 'antipersonnel mine') AS antipersonnel_mine,
        max(value) FILTER (WHERE category = 'improvised mine') AS improvised_mine,
        max(value) FILTER (WHERE category = 'antivehicle mine') AS antivehicle_mine,
        max(value) FILTER (WHERE category = 'cluster munition remnant') AS cluster_munition_remnant,
        max(value) FILTER (WHERE category = 'other explosive remnant of war') AS other_erw,
        max(value) FILTER (WHERE category = 'unspecified mine') AS unspecified_mine,
        max(value) FILTER (WHERE category = 'mine or remnant, not told apart') AS not_told_apart,
        max(value) FILTER (WHERE dimension = 'civilian status' AND unit LIKE 'percent%')
            AS civilian_percent,
        max(value) FILTER (WHERE dimension = 'age' AND unit LIKE 'percent%') AS children_percent,
        max(value) FILTER (WHERE category = 'men and boys') AS men_and_boys,
        max(value) FILTER (WHERE category = 'women and girls') AS women_and_girls,
        max(value) FILTER (WHERE category = 'countries with casualties') AS countries_count,
        max(value) FILTER (WHERE category = 'other areas with casualties') AS other_areas_count
    FROM entries
    JOIN splits ON splits.entry_id = entries.entry_id
    GROUP BY entries.year, entries.edition
),
editions AS (
    -- an edition prints a year in several places; one place fills what another leaves out, and where two print
    -- different numbers the Monitor's own words go before those of who quotes it
    SELECT
        year, edition,
        any_value(edition_order ORDER BY locator) AS edition_order,
        first(killed ORDER BY is_secondary, total IS NULL, locator) FILTER (WHERE killed IS NOT NULL) AS killed,
        first(injured ORDER BY is_secondary, total IS NULL, locator) FILTER (WHERE injured IS NOT NULL) AS injured,
        first(unknown ORDER BY is_secondary, total IS NULL, locator) FILTER (WHERE unknown IS NOT NULL) AS unknown,
        first(total ORDER BY is_secondary, total IS NULL, locator) FILTER (WHERE total IS NOT NULL) AS total,
        first(children ORDER BY is_secondary, total IS NULL, locator) FILTER (WHERE children IS NOT NULL) AS children,
        bool_or(lower_bound) AS lower_bound,
        bool_and(is_secondary) FILTER (WHERE total IS NOT NULL OR killed IS NOT NULL) AS is_secondary,
        first(entry_id ORDER BY total IS NULL, is_secondary, locator) AS entry_id,
        first(source_url ORDER BY total IS NULL, is_secondary, locator) AS source_url,
        count(*) AS entries_count,
        string_agg(DISTINCT note, '; ' ORDER BY note) AS note
    FROM entries
    GROUP BY year, edition
),
totals AS (
    SELECT
        area_as_printed, year, total, edition_order,
        row_number() OVER (
            PARTITION BY area_as_printed, year
            ORDER BY edition_order DESC NULLS LAST, is_secondary, killed IS NULL, locator
        ) = 1 AS is_newest,
        row_number() OVER (
            PARTITION BY area_as_printed, year
            ORDER BY edition_order NULLS LAST, is_secondary, killed IS NULL, locator
        ) = 1 AS is_first,
        is_secondary, killed, locator
    FROM casualties
    WHERE series = 'monitor_casualties' AND NOT is_partial_year AND total IS NOT NULL
),
sums AS (
    SELECT
        year,
        count(*) FILTER (WHERE is_newest) AS areas_read_count,
        (sum(total) FILTER (WHERE is_newest))::BIGINT AS areas_sum,
        (sum(total) FILTER (WHERE is_first))::BIGINT AS areas_first_sum
    FROM totals
    GROUP BY year
),
by_then AS (
    SELECT year, edition, count(*) AS by_then_count, sum(total)::BIGINT AS by_then_sum
    FROM (
        SELECT editions.year, editions.edition, totals.total
        FROM editions
        JOIN totals ON totals.year = editions.year AND totals.edition_order <= editions.edition_order
        QUALIFY row_number() OVER (
            PARTITION BY editions.year, editions.edition, totals.area_as_printed
            ORDER BY
                totals.edition_order DESC, totals.is_secondary, totals.killed IS NULL, totals.locator
        ) = 1
    )
    GROUP BY year, edition
),
world AS (
    SELECT
        coalesce(editions.year, sums.year) AS calendar_year,
        editions.edition,
        editions.edition_order,
        editions.total IS NOT NULL AND row_number() OVER (
            PARTITION BY editions.year, editions.total IS NOT NULL
            ORDER BY editions.edition_order DESC, editions.edition
        ) = 1 AS is_newest_edition,
        editions.killed, editions.injured, editions.unknown, editions.total,
        coalesce(editions.lower_bound, false) AS lower_bound,
        -- an outcome that is not printed is not nought: parts that fall short without it say nothing
        CASE
            WHEN editions.unknown IS NULL AND editions.killed + editions.injured < editions.total THEN NULL
            ELSE editions.killed + editions.injured + coalesce(editions.unknown, 0) = editions.total
        END AS is_total_confirmed,
        pieces.antipersonnel_mine::BIGINT AS antipersonnel_mine,
        pieces.improvised_mine::BIGINT AS improvised_mine,
        pieces.antivehicle_mine::BIGINT AS antivehicle_mine,
        pieces.cluster_munition_remnant::BIGINT AS cluster_munition_remnant,
        pieces.other_erw::BIGINT AS other_erw,
        pieces.unspecified_mine::BIGINT AS unspecified_mine,
        pieces.not_told_apart::BIGINT AS not_told_apart,
        pieces.civilian_percent,
        editions.children,
        pieces.children_percent,
        pieces.men_and_boys::BIGINT AS men_and_boys,
        pieces.women_and_girls::BIGINT AS women_and_girls,
        pieces.countries_count::BIGINT AS countries_count,
        pieces.other_areas_count::BIGINT AS other_areas_count,
        coalesce(sums.areas_read_count, 0) AS areas_read_count,
        sums.areas_sum,
        sums.areas_first_sum,
        by_then.by_then_count,
        by_then.by_then_sum,
        editions.total - sums.areas_sum AS difference,
        round(100 * sums.areas_sum / editions.total, 1)::DOUBLE AS coverage_percent,
        coalesce(editions.is_secondary, false) AS is_secondary,
        editions.entry_id,
        pieces.split_entry_id,
        coalesce(editions.entries_count, 0) AS entries_count,
        'landmine_monitor' AS source_id,
        'Landmine Monitor' AS report,
        editions.source_url,
        editions.note
    FROM editions
    LEFT JOIN pieces ON pieces.year = editions.year AND pieces.edition = editions.edition
    LEFT JOIN by_then ON by_then.year = editions.year AND by_then.edition = editions.edition
    FULL JOIN sums ON sums.year = editions.year
),
followed AS (
    SELECT
        world.*,
        lag(world.calendar_year) OVER before AS last_year,
        lag(world.lower_bound) OVER before AS last_bound
    FROM world
    WINDOW before AS (PARTITION BY world.is_newest_edition ORDER BY world.calendar_year, world.edition)
),
explained AS (
    SELECT
        *,
        CASE
            WHEN NOT is_newest_edition THEN NULL
            WHEN lower_bound AND NOT coalesce(last_bound, false)
                THEN 'a lower bound: the total is printed as at least'
            WHEN last_bound AND NOT lower_bound THEN last_year || ' is a lower bound, this is not'
        END AS break_reason
    FROM followed
)
SELECT
    * EXCLUDE (last_year, last_bound),
    break_reason IS NOT NULL AS is_break
FROM explained
