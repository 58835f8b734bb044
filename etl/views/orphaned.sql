-- Which areas that the program covered still record casualties, ranked by how much they depended on U.S. money.
-- Every area with a table in State's report has a row on every basis that holds figures, also where it
-- cannot be ranked: unranked_because says what is missing. An area without a row is one whose table of State's
-- report was not read. The ranks stand for the whole U.S. effort and for the Defense lines apart.
WITH covered AS (
    SELECT
        area,
        min(area_name) AS area_name,
        coalesce(bool_or(amount_usd > 0), false) AS is_whole_effort,
        coalesce(bool_or(amount_usd > 0 AND program_scope = 'Defense program'), false)
            AS is_defense_program,
        max(fiscal_year) FILTER (WHERE program_scope = 'Defense program' AND amount_usd > 0)
            AS last_defense_fiscal_year,
        max(fiscal_year) FILTER (WHERE amount_usd > 0) AS last_fiscal_year
    FROM coverage
    WHERE area IS NOT NULL
    GROUP BY area
),
shares AS (
    SELECT *
    FROM dependency_summary
    WHERE area IS NOT NULL
    QUALIFY row_number() OVER (
        PARTITION BY basis, area ORDER BY share_year DESC NULLS LAST, last_year DESC, area_name
    ) = 1
),
beside AS (
    SELECT
        bases.basis,
        'A rank is no forecast and no measure of need. It sets the last known share of U.S. money '
        || 'beside the last yearly casualty total of the Landmine Monitor that was read, which can be '
        || 'of another year, and shows no cause. An area that is not ranked, or has no row, is not one '
        || 'that depends on nobody: its donors, its casualties or its table in State’s report were not '
        || 'read. A share says nothing of what others will pay, nor of the area’s own money. '
        || bases.cannot_show AS cannot_show,
        covered.*,
        hurt.calendar_year AS casualties_year,
        hurt.total AS casualties_total,
        hurt.lower_bound AS is_casualties_lower_bound,
        hurt.edition AS casualties_edition,
        hurt.source_url AS casualties_source_url,
        hurt.entry_id AS casualties_entry_id,
        shares.* EXCLUDE (basis, area, area_name, source_id, series),
        series.source_id,
        nullif(concat_ws(
            '; ',
            CASE WHEN NOT covered.is_whole_effort THEN 'no money in State’s table' END,
            CASE
                WHEN shares.basis IS NULL THEN 'donors not read from this source'
                WHEN shares.us_share_percent IS NULL
                    THEN 'no U.S. share known up to 2024: ' || shares.why_no_share
                WHEN shares.us_share_percent = 0
                    THEN 'no U.S. money listed in ' || shares.share_year || ', the latest year with a known share'
            END,
            CASE
                WHEN hurt.area IS NULL THEN 'no casualty total read'
                WHEN hurt.total = 0
                    THEN 'no casualties in ' || hurt.calendar_year || ', the latest year read'
            END
        ), '') AS unranked_because
    FROM covered
    CROSS JOIN bases
    JOIN series ON series.series = bases.series
    LEFT JOIN casualties_latest AS hurt ON hurt.area = covered.area
    LEFT JOIN shares ON shares.area = covered.area AND shares.basis = bases.basis
    WHERE bases.basis IN (SELECT basis FROM donors)
)
SELECT
    basis,
    CASE WHEN unranked_because IS NULL THEN row_number() OVER (
        PARTITION BY basis, unranked_because IS NULL
        ORDER BY us_share_percent DESC NULLS LAST, casualties_total DESC NULLS LAST, area
    ) END AS rank_whole_effort,
    CASE WHEN unranked_because IS NULL AND is_defense_program THEN row_number() OVER (
        PARTITION BY basis, unranked_because IS NULL, is_defense_program
        ORDER BY us_share_percent DESC NULLS LAST, casualties_total DESC NULLS LAST, area
    ) END AS rank_defense,
    area,
    area_name,
    is_whole_effort,
    is_defense_program,
    last_fiscal_year,
    last_defense_fiscal_year,
    casualties_year,
    casualties_total,
    is_casualties_lower_bound,
    casualties_edition,
    casualties_source_url,
    casualties_entry_id,
    share_year,
    us_share_percent,
    is_us_listed,
    is_approximate,
    us_usd,
    all_donors_usd,
    donors_count,
    herfindahl_index,
    us_entry_id,
    us_only_years_count,
    known_years_count,
    us_years_count,
    last_us_year,
    latest_year,
    is_us_listed_latest,
    us_change_usd,
    us_change_percent,
    unranked_because,
    cannot_show,
    source_id,
    edition,
    source_url
FROM beside
