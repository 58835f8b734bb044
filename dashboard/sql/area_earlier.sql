-- What earlier editions printed for the same year and account of one area, where it differs.
SELECT
    old.year AS fiscal_year, old.account, old.amount_usd, old.edition, old.report, old.source_url,
    old.place, old.entry_id, new.amount_usd AS newest_usd, new.edition AS newest_edition
FROM funding AS old
JOIN coverage AS new
    ON new.area = old.area AND new.fiscal_year = old.year AND new.account = old.account
WHERE old.area = $area AND old.series = 'tweis_country_table' AND NOT old.is_printed_total
    AND old.edition <> new.edition AND old.amount_usd <> new.amount_usd
ORDER BY fiscal_year, old.account
