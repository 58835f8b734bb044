-- What each measure says of the casualties of one area, newest year first, in the order of choice.
SELECT held.*, series.title AS series_title, series.caution, sources.caveats
FROM casualties_side_by_side AS held
LEFT JOIN series ON series.series = held.series AND series.source_id = held.source_id
LEFT JOIN sources ON sources.source_id = held.source_id
WHERE held.area = $area
ORDER BY
    held.calendar_year DESC, held.choice_order, NOT held.is_newest_edition, held.is_other_scope,
    held.edition_order DESC NULLS LAST, held.series, held.edition, held.locator
