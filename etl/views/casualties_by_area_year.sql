-- Casualties by area and calendar year: the newest edition of the Landmine Monitor, and what others print.
-- Earlier editions are counted and their range of totals is shown. Where one edition is quoted with two
-- totals, the lower row number wins and is_disputed says so.
WITH monitor AS (
    SELECT
        *,
        count(DISTINCT edition) OVER by_year AS editions_count,
        min(total) OVER by_year AS lowest_total,
        max(total) OVER by_year AS highest_total,
        count(DISTINCT total) OVER (PARTITION BY area_as_printed, year, edition) > 1 AS is_disputed
    FROM casualties
    WHERE series = 'monitor_casualties' AND NOT is_partial_year
    WINDOW by_year AS (PARTITION BY area_as_printed, year)
)
SELECT
    monitor.entry_id,
    monitor.area,
    coalesce(areas.name, monitor.area_as_printed) AS area_name,
    monitor.year AS calendar_year,
    monitor.killed,
    monitor.injured,
    monitor.unknown,
    monitor.total,
    monitor.civilian,
    monitor.military,
    monitor.deminer,
    monitor.children,
    monitor.women,
    monitor.lower_bound,
    monitor.killed + monitor.injured + coalesce(monitor.unknown, 0) = monitor.total
        AS is_total_confirmed,
    monitor.editions_count,
    monitor.lowest_total,
    monitor.highest_total,
    monitor.is_disputed,
    monitor.is_secondary,
    monitor.source_id,
    monitor.series,
    monitor.report,
    monitor.edition,
    monitor.place,
    monitor.locator,
    monitor.vintage_sha256,
    monitor.source_url,
    monitor.note
FROM monitor
LEFT JOIN areas ON areas.area = monitor.area
QUALIFY row_number() OVER (
    PARTITION BY monitor.area_as_printed, monitor.year
    ORDER BY
        monitor.total IS NULL,
        monitor.edition_order DESC NULLS LAST,
        monitor.is_secondary,
        monitor.killed IS NULL,
        monitor.locator
) = 1
