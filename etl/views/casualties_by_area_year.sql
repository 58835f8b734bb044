-- Casualties by area and calendar year: the one figure that casualties_side_by_side chooses, and how far it can
-- be read as a change from the year before. A break says why not: another measure or body counts, the source
-- itself changed what it counts, the bound or the scope differs, or the year is not whole.
WITH chosen AS (
    SELECT
        held.*,
        regexp_replace(held.report, ' \(.*', '') AS body,
        lag(held.calendar_year) OVER before AS last_year,
        lag(held.series) OVER before AS last_series,
        lag(regexp_replace(held.report, ' \(.*', '')) OVER before AS last_body,
        lag(held.lower_bound) OVER before AS last_bound,
        lag(held.is_partial_year) OVER before AS last_partial,
        lag(held.is_other_scope) OVER before AS last_scope
    FROM casualties_side_by_side AS held
    WHERE held.is_chosen
    WINDOW before AS (PARTITION BY held.area, held.area_name ORDER BY held.calendar_year)
),
explained AS (
    SELECT
        chosen.*,
        nullif(concat_ws('; ',
            CASE
                WHEN last_series <> chosen.series OR last_body <> body
                    THEN 'another source than in ' || last_year || ' (' || last_body || ')'
            END,
            series_breaks.reason,
            CASE
                WHEN lower_bound AND NOT coalesce(last_bound, false)
                    THEN 'a lower bound: the total is printed as at least'
                WHEN last_bound AND NOT lower_bound THEN last_year || ' is a lower bound, this is not'
            END,
            CASE
                WHEN is_partial_year THEN 'only part of the year is counted'
                WHEN last_partial THEN 'of ' || last_year || ' only a part is counted'
            END,
            CASE
                WHEN is_other_scope AND NOT coalesce(last_scope, false)
                    THEN 'fewer people are counted than all casualties, or more: see the note'
                WHEN last_scope AND NOT is_other_scope
                    THEN last_year || ' counts fewer people than all casualties, or more'
            END), '') AS break_reason
    FROM chosen
    LEFT JOIN series_breaks
        ON series_breaks.series = chosen.series AND series_breaks.area = chosen.area
        AND series_breaks.year = chosen.calendar_year
)
SELECT
    entry_id, area, area_name, calendar_year, measure, killed, injured, unknown, total, civilian,
    military, deminer, children, women, lower_bound, is_partial_year, is_other_scope,
    is_total_confirmed, editions_count, lowest_total, highest_total, is_disputed, is_secondary,
    entries_count, withdrawn_count, last_date, source_id, series, report, edition, place, locator,
    vintage_sha256, source_url, note,
    coalesce(calendar_year - last_year - 1, 0) AS years_missing,
    break_reason IS NOT NULL AS is_break,
    break_reason
FROM explained
