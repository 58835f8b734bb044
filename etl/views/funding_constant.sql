-- What each funding figure of one year is in dollars of 2024: nominal and constant, with the index between them.
-- The index is the U.S. implicit GDP deflator: of the live source where it reaches 2024, else the embedded one;
-- both years of one ratio come from the same series. Money of a fiscal year takes the averages of fiscal years,
-- money of a calendar year those of calendar years. A year without an index stays null: no other year's is taken.
-- It measures U.S. prices, so the result says what the dollars could have bought in the United States, whoever
-- paid them; the OECD's constant prices go by each donor's own deflator and exchange rate.
WITH indexes AS (
    SELECT
        deflators.series, deflators.year, deflators.year_basis, deflators.price_index, deflators.value,
        deflators.unit, deflators.entry_id, deflators.source_id, deflators.publisher, deflators.edition,
        deflators.source_url, sources.status = 'transcribed' AS is_embedded
    FROM deflators
    JOIN sources ON sources.source_id = deflators.source_id
    WHERE deflators.price_index = 'us_gdp_implicit_price_deflator'
),
bases AS (
    SELECT * FROM indexes
    WHERE year = 2024
    QUALIFY row_number() OVER (
        PARTITION BY year_basis ORDER BY is_embedded, series, entry_id
    ) = 1
),
deflated AS (
    SELECT
        funding.*,
        CASE
            WHEN contains(lower(coalesce(funding.unit_as_printed, '')), 'constant')
                THEN 'constant already'
            WHEN funding.year_basis = 'not stated' THEN 'year basis not stated'
            WHEN indexes.value IS NULL THEN 'no index'
            ELSE 'deflated'
        END AS deflation,
        CASE deflation WHEN 'deflated'
            -- the ratio first: 1 in the base year, so that nothing changes there
            THEN round(funding.amount_usd::DOUBLE * (bases.value / indexes.value), 2)::DECIMAL(18, 2)
        END AS amount_2024_usd,
        indexes.price_index,
        indexes.value AS index_value,
        bases.value AS base_index_value,
        indexes.unit AS index_unit,
        indexes.entry_id AS index_entry_id,
        bases.entry_id AS base_index_entry_id,
        indexes.source_id AS index_source_id,
        indexes.series AS index_series,
        indexes.publisher AS index_publisher,
        indexes.edition AS index_edition,
        indexes.source_url AS index_source_url
    FROM funding
    LEFT JOIN bases ON bases.year_basis = funding.year_basis
    LEFT JOIN indexes
        ON indexes.series = bases.series
        AND indexes.year_basis = bases.year_basis
        AND indexes.year = funding.year
    WHERE funding.amount_usd IS NOT NULL AND funding.year IS NOT NULL
)
SELECT
    deflated.entry_id,
    deflated.source_id,
    deflated.series,
    deflated.donor,
    deflated.account,
    deflated.area,
    coalesce(areas.name, deflated.area_as_printed) AS area_name,
    deflated.flow,
    deflated.status,
    deflated.is_printed_total,
    deflated.year,
    deflated.year_basis,
    deflated.precision,
    deflated.amount_usd,
    deflated.amount_2024_usd,
    deflated.deflation,
    CASE deflation WHEN 'deflated' THEN deflated.price_index END AS price_index,
    CASE deflation WHEN 'deflated' THEN deflated.index_value END AS index_value,
    CASE deflation WHEN 'deflated' THEN deflated.base_index_value END AS base_index_value,
    CASE deflation WHEN 'deflated' THEN deflated.index_unit END AS index_unit,
    CASE deflation WHEN 'deflated' THEN deflated.index_entry_id END AS index_entry_id,
    CASE deflation WHEN 'deflated' THEN deflated.base_index_entry_id END AS base_index_entry_id,
    CASE deflation WHEN 'deflated' THEN deflated.index_source_id END AS index_source_id,
    CASE deflation WHEN 'deflated' THEN deflated.index_series END AS index_series,
    CASE deflation WHEN 'deflated' THEN deflated.index_publisher END AS index_publisher,
    CASE deflation WHEN 'deflated' THEN deflated.index_edition END AS index_edition,
    CASE deflation WHEN 'deflated' THEN deflated.index_source_url END AS index_source_url,
    deflated.report,
    deflated.edition,
    deflated.source_url
FROM deflated
LEFT JOIN areas ON areas.area = deflated.area
