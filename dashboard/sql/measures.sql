-- The measures that are set side by side, and why each may differ from State's report.
SELECT measure, title, why FROM measures
