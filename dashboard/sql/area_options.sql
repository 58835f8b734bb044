-- Every area for which the ledger holds a figure, for the picker.
SELECT area, area_name, state_region, kind FROM area_profile ORDER BY area_name
