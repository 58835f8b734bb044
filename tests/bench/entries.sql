-- Made-up rows of `funding` from $start up to $stop, of the source $source and of its edition number $edition.
-- In every edition after the first another $changed in 1,000 rows have a new amount; all else stays.
SELECT
    $source AS source_id, 'bench' AS series, 'Made up' AS report, 'bench' AS edition,
    'row ' || i AS place, $source || '.csv line ' || (i + 2) AS locator,
    'https://example.org/' || $source AS source_url,
    ['United States', 'Norway', 'Japan', 'Germany'][1 + i % 4] AS donor,
    ['State', 'USAID', 'Defense'][1 + i % 3] AS agency,
    ['State NADR-CWD', 'USAID', 'DoD', 'Not stated'][1 + i % 4] AS account,
    $areas[1 + (i // 7) % len($areas)] AS area,
    'As printed ' || (i // 7) % len($areas) AS area_as_printed,
    'Organisation ' || (hash(i, 1) % 3110) AS implementer,
    'AWARD-' || lpad((i // 5)::VARCHAR, 9, '0') AS award_id,
    'Clearance and risk education, phase ' || (i % 9) || ' of award ' || (i // 5) AS title,
    'unspecified' AS sector, 'obligation' AS flow, 'actual' AS status,
    2001 + (hash(i, 2) % 24)::BIGINT AS year, 'fiscal' AS year_basis,
    FALSE AS is_printed_total, FALSE AS is_cumulative, FALSE AS is_secondary,
    (
        hash(i, 3) % 3000000 + CASE WHEN $edition > 1 AND hash(i, $edition) % 1000 < $changed THEN $edition ELSE 0 END
    )::DECIMAL(18, 2) AS amount,
    amount AS amount_usd, 'USD' AS currency, 'exact' AS precision
FROM range($start, $stop) AS t(i)
