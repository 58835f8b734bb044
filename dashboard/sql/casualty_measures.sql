-- The counts of casualties that are set side by side, in the order of choice, and why each may differ.
SELECT measure, choice_order, can_be_chosen, unit, title, why FROM casualty_measures ORDER BY choice_order
