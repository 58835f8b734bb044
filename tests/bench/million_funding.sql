-- Made-up money of five series of live sources: years, areas, agencies and organisations in turn.
INSERT INTO present.funding BY NAME
WITH places AS (
    SELECT area, name, row_number() OVER (ORDER BY area) - 1 AS place
    FROM areas
    WHERE kind = 'country'
),
series AS (
    SELECT * FROM (VALUES
        (0, 'foreignassistance_gov', 'fa_disbursements', 'disbursement', 'fiscal', 'United States'),
        (1, 'foreignassistance_gov', 'fa_obligations', 'obligation', 'fiscal', 'United States'),
        (2, 'usaspending', 'usaspending_transactions', 'obligation', 'fiscal', 'United States'),
        (3, 'oecd_crs', 'crs_disbursements', 'disbursement', 'calendar', NULL),
        (4, 'ocha_fts', 'fts_incoming', 'commitment', 'calendar', NULL)
    ) AS t(kind, source_id, series, flow, year_basis, donor)
)
SELECT
    series.source_id || '-' || substr(md5('funding' || i), 1, 16) AS entry_id,
    1 AS revision, 'added' AS change,
    series.source_id, series.series,
    'Made up' AS report, 'bench' AS edition,
    repeat('0', 64) AS vintage_sha256, sha256('funding' || i) AS content_sha256,
    'bench.csv line ' || i AS locator, 'https://example.org' AS source_url,
    $refresh AS recorded_in,
    coalesce(series.donor, if(i % 3 = 0, 'United States', 'Donor ' || (i % 23))) AS donor,
    if(series.donor IS NOT NULL OR i % 3 = 0, 'USA', NULL) AS donor_area,
    ['State', 'USAID', 'Defense'][1 + i % 3] AS agency,
    ['State NADR-CWD', 'USAID', 'DoD', 'Not stated'][1 + i % 4] AS account,
    places.area, places.name AS area_as_printed,
    'Organisation ' || (i % 311) AS implementer,
    'unspecified' AS sector, series.flow, 'actual' AS status,
    2001 + (i // 300) % 24 AS year, series.year_basis,
    FALSE AS is_printed_total, FALSE AS is_cumulative, FALSE AS is_secondary,
    (i % 1000000)::DECIMAL(18, 2) AS amount, 'USD' AS currency,
    (i % 1000000)::DECIMAL(18, 2) AS amount_usd, 'exact' AS precision
FROM range($entries) AS t(i)
JOIN series ON series.kind = i % 5
JOIN places ON places.place = (i // 5) % (SELECT count(*) FROM places)
