-- The rules that several views and questions follow, each in one place.

-- Which printed figures are the newest: no later edition prints the same page and year of the series.
-- An edition replaces an earlier one whole, so that no dollar of the earlier is added to it. The page is the
-- recipient's or the donor's, as the series says (page_of). A source without editions has one alone, and all
-- of it is the newest.
CREATE OR REPLACE TEMP MACRO is_newest_edition(
    edition_order, series, page_of, donor, area_as_printed, year
) AS
    edition_order IS NOT DISTINCT FROM max(edition_order) OVER (
        PARTITION BY series, CASE page_of WHEN 'donor' THEN donor ELSE area_as_printed END, year
    );

-- A name as it is compared: in small letters, with single spaces, as etl/spellings.py folds it.
CREATE OR REPLACE TEMP MACRO folded(name) AS
    trim(regexp_replace(lower(name), '[\s\p{Z}]+', ' ', 'g'));
