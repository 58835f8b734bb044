-- IATI's transactions in their own currency and in U.S. dollars, with the rate that was used.
-- The rate is that of the month of the value date: the Federal Reserve's monthly average, else the IMF's rate
-- at the end of the month. No other month's rate is taken in its place. Where countries that share a
-- currency have rates that differ by more than one per cent, none is taken. Rows of two publishers report
-- the same money at two links of a chain, so this view adds nothing.
WITH rates AS (
    SELECT
        currency, date, series, basis, rate, entry_id,
        max(rate) OVER (PARTITION BY currency, date, series)
            <= 1.01 * min(rate) OVER (PARTITION BY currency, date, series) AS is_agreed
    FROM exchange_rates
    WHERE series IN ('fed_monthly', 'imf_monthly')
    QUALIFY row_number() OVER (
        PARTITION BY currency, date ORDER BY series, country_as_printed
    ) = 1
),
shares AS (
    SELECT splits.entry_id, sum(splits.value) AS percent
    FROM splits
    WHERE splits.dimension = 'sector' AND splits.category = '15250'
    GROUP BY splits.entry_id
),
converted AS (
    SELECT
        funding.*,
        rates.rate, rates.date AS rate_period, rates.basis AS rate_basis,
        rates.series AS rate_series, rates.entry_id AS rate_entry_id,
        shares.percent,
        CASE
            WHEN funding.currency IS NULL THEN 'no currency'
            WHEN funding.currency = 'USD' THEN 'in U.S. dollars'
            WHEN funding.value_date IS NULL THEN 'no value date'
            WHEN rates.rate IS NULL THEN 'no rate'
            WHEN NOT rates.is_agreed THEN 'rates disagree'
            ELSE 'converted'
        END AS conversion,
        CASE conversion
            WHEN 'in U.S. dollars' THEN funding.amount
            WHEN 'converted' THEN round(funding.amount::DOUBLE / rates.rate, 2)::DECIMAL(18, 2)
        END AS usd
    FROM funding
    LEFT JOIN rates
        ON rates.currency = funding.currency AND rates.date = left(funding.value_date, 7)
    LEFT JOIN shares ON shares.entry_id = funding.entry_id
    WHERE funding.source_id = 'iati'
)
SELECT
    converted.entry_id,
    converted.award_id AS activity_id,
    converted.title,
    converted.reported_by,
    converted.is_secondary,
    converted.is_printed_total,
    converted.donor,
    converted.implementer,
    converted.area,
    coalesce(areas.name, converted.area_as_printed) AS area_name,
    converted.flow,
    converted.date,
    converted.year AS calendar_year,
    converted.amount,
    converted.currency,
    converted.value_date,
    converted.conversion,
    CASE conversion WHEN 'converted' THEN converted.rate END AS rate,
    CASE conversion WHEN 'converted' THEN converted.rate_period END AS rate_period,
    CASE conversion WHEN 'converted' THEN converted.rate_basis END AS rate_basis,
    CASE conversion WHEN 'converted' THEN converted.rate_series END AS rate_series,
    CASE conversion WHEN 'converted' THEN converted.rate_entry_id END AS rate_entry_id,
    converted.usd AS amount_usd,
    converted.percent AS mine_action_percent,
    round(converted.usd::DOUBLE * converted.percent / 100, 2)::DECIMAL(18, 2) AS mine_action_usd,
    converted.source_id,
    converted.series,
    converted.source_url,
    converted.note
FROM converted
LEFT JOIN areas ON areas.area = converted.area
