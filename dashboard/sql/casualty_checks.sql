-- The checks of casualties that a reader should see: parts or countries that do not fit, and what others count
-- beside the Monitor.
SELECT * FROM casualty_checks
WHERE ("check" = 'parts and total' AND outcome <> 'equal')
    OR ("check" = 'countries and world' AND outcome = 'above')
    OR ("check" = 'accidents and people' AND outcome = 'below')
    OR "check" = 'register and Monitor'
ORDER BY "check", area_name, calendar_year DESC, series, edition, reference_edition
