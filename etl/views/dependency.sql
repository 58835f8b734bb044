-- The U.S. share of an area's international mine-action contributions, by calendar year.
-- Numerator and denominator come from the same edition of the same Monitor page. Where a table was read
-- whole and does not list the United States, its share is 0; where it was read in part, that is unknown.
WITH table_rows AS (
    SELECT
        area, area_as_printed, year, edition, edition_order, source_url,
        any_value(place) AS place,
        any_value(source_id) AS source_id,
        any_value(report) AS report,
        any_value(sum_check) LIKE 'rows sum%' AS is_read_whole,
        any_value(sum_check) AS sum_check,
        sum(amount_usd) AS rows_sum_usd,
        count(*) AS donors_count,
        max(amount_usd) FILTER (WHERE donor = 'United States') AS us_printed_usd,
        max(entry_id) FILTER (WHERE donor = 'United States') AS us_entry_id
    FROM funding
    WHERE series = 'monitor_recipient_tables'
    GROUP BY area, area_as_printed, year, edition, edition_order, source_url
),
printed AS (
    SELECT area_as_printed, year, edition, source_url, amount_usd, precision, entry_id
    FROM funding
    WHERE series = 'monitor_recipient_totals'
    QUALIFY row_number() OVER (
        PARTITION BY area_as_printed, year, edition, source_url
        ORDER BY (precision = 'exact') DESC, place, entry_id
    ) = 1
),
shares AS (
    SELECT
        table_rows.*,
        CASE WHEN is_read_whole THEN coalesce(us_printed_usd, 0) ELSE us_printed_usd END AS us_usd,
        CASE WHEN is_read_whole THEN rows_sum_usd ELSE printed.amount_usd END AS all_donors_usd,
        CASE
            WHEN is_read_whole THEN 'sum of the table, read whole'
            WHEN printed.amount_usd IS NOT NULL THEN 'printed total; the table was read in part'
        END AS denominator,
        printed.amount_usd AS printed_total_usd,
        printed.precision AS printed_total_precision,
        printed.entry_id AS total_entry_id
    FROM table_rows
    LEFT JOIN printed
        ON printed.area_as_printed = table_rows.area_as_printed
        AND printed.year = table_rows.year
        AND printed.edition = table_rows.edition
        AND printed.source_url = table_rows.source_url
)
SELECT
    shares.area,
    coalesce(areas.name, shares.area_as_printed) AS area_name,
    shares.year AS calendar_year,
    shares.us_usd,
    shares.us_printed_usd IS NOT NULL AS is_us_listed,
    shares.all_donors_usd,
    shares.denominator,
    round(100 * shares.us_usd / shares.all_donors_usd, 1)::DOUBLE AS us_share_percent,
    CASE WHEN is_read_whole THEN shares.donors_count END AS donors_count,
    NOT shares.is_read_whole AND shares.printed_total_precision <> 'exact' AS is_approximate,
    shares.printed_total_usd,
    shares.printed_total_precision,
    shares.sum_check,
    shares.edition_order IS NOT DISTINCT FROM max(shares.edition_order) OVER (
        PARTITION BY shares.area_as_printed, shares.year
    ) AS is_newest_edition,
    shares.us_entry_id,
    shares.total_entry_id,
    shares.source_id,
    shares.report,
    shares.edition,
    shares.place,
    shares.source_url
FROM shares
LEFT JOIN areas ON areas.area = shares.area
WHERE shares.us_usd IS NOT NULL AND shares.all_donors_usd > 0
