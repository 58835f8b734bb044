-- Made-up rows in the 56 columns of ForeignAssistance.gov's complete file, in the file's own order. In a later
-- edition $changed rows in 10,000 have another amount, by one dollar.
COPY (
    WITH dice AS (
        SELECT
            i,
            hash(i) % 1000003 AS a,
            hash(i, 1) % 1000003 AS b,
            i % $every = $every // 2 AS is_mine_action
        FROM range($rows) AS t(i)
    ),
    words AS (
        SELECT
            *,
            list_extract(
                [
                    'AFG', 'AGO', 'BIH', 'COL', 'ETH', 'IRQ', 'KEN', 'LAO', 'MOZ', 'NGA', 'SLV', 'SSD', 'UKR',
                    'VNM', 'YEM'
                ], 1 + (a % 15)::INTEGER
            ) AS code,
            list_extract(
                [
                    'Afghanistan', 'Angola', 'Bosnia and Herzegovina', 'Colombia', 'Ethiopia', 'Iraq', 'Kenya',
                    'Laos', 'Mozambique', 'Nigeria', 'El Salvador', 'South Sudan', 'Ukraine', 'Vietnam', 'Yemen'
                ], 1 + (a % 15)::INTEGER
            ) AS country,
            list_extract(['Halo Trust', 'Mines Advisory Group', 'Norwegian People''s Aid'], 1 + (b % 3)::INTEGER)
                AS clearer,
            list_extract(
                [
                    'Administration and Oversight', 'Protection, Assistance and Solutions',
                    'Health systems strengthening in three provinces, phase two',
                    'Support to "open" government, civil society and independent media',
                    'Emergency food assistance'
                ], 1 + (b % 5)::INTEGER
            ) AS activity,
            2001 + (hash(i, 2) % 25)::INTEGER AS fiscal_year
        FROM dice
    )
    SELECT
        100 + a % 700 AS "Country ID",
        code AS "Country Code",
        country AS "Country Name",
        1 + a % 6 AS "Region ID",
        'Middle East and North Africa' AS "Region Name",
        1 + a % 4 AS "Income Group ID",
        'Lower Middle Income Country' AS "Income Group Name",
        'LMIC' AS "Income Group Acronym",
        if(is_mine_action, 2, 1) AS "Managing Agency ID",
        if(is_mine_action, 'STATE', 'USAID') AS "Managing Agency Acronym",
        if(is_mine_action, 'Department of State', 'U.S. Agency for International Development')
            AS "Managing Agency Name",
        if(is_mine_action, 66, 100 + b % 80) AS "Managing Sub-agency or Bureau ID",
        if(is_mine_action, 'PM', 'BHA') AS "Managing Sub-agency or Bureau Acronym",
        if(is_mine_action, 'Political-Military Affairs', 'Bureau for Humanitarian Assistance')
            AS "Managing Sub-agency or Bureau Name",
        3 AS "Implementing Partner Category ID",
        'NGO' AS "Implementing Partner Category Name",
        7 AS "Implementing Partner Sub-category ID",
        'NGO - Non United States' AS "Implementing Partner Sub-category Name",
        4000000 + b % 20000 AS "Implementing Partner ID",
        if(is_mine_action, clearer, 'Enterprise ' || b || ', Incorporated (United States)')
            AS "Implementing Partner Name",
        if(is_mine_action, 3, 2) AS "International Category ID",
        if(is_mine_action, 'Governance', 'Health and Population') AS "International Category Name",
        if(is_mine_action, 152, 122) AS "International Sector Code",
        if(is_mine_action, 'Conflict, Peace, and Security', 'Basic Health')
            AS "International Sector Name",
        if(is_mine_action, 15250, 12200 + b % 65) AS "International Purpose Code",
        if(
            is_mine_action, 'Removal of land mines and explosive remnants of war',
            'Basic nutrition, health care and infectious disease control'
        ) AS "International Purpose Name",
        if(b % 3 = 0, NULL, 1) AS "US Category ID",
        if(b % 3 = 0, NULL, 'Peace and Security') AS "US Category Name",
        3 AS "US Sector ID",
        'Stabilization Operations and Security Sector Reform' AS "US Sector Name",
        if(is_mine_action, '11x1075', '72x' || (1000 + b % 90)) AS "Funding Account ID",
        if(
            is_mine_action, 'Nonproliferation, Anti-Terrorism, Demining and Related Programs',
            'Agency for International Development, International Disaster Assistance'
        ) AS "Funding Account Name",
        if(is_mine_action, 2, 1) AS "Funding Agency ID",
        if(is_mine_action, 'Department of State', 'U.S. Agency for International Development')
            AS "Funding Agency Name",
        if(is_mine_action, 'STATE', 'USAID') AS "Funding Agency Acronym",
        1 AS "Foreign Assistance Objective ID",
        'Economic' AS "Foreign Assistance Objective Name",
        3 AS "Aid Type Group ID",
        'Project-Type' AS "Aid Type Group Name",
        100000 + i // 3 AS "Activity ID",
        76 AS "Submission ID",
        if(is_mine_action, 'Humanitarian Demining in ' || country, activity || ' in ' || country)
            AS "Activity Name",
        repeat(activity || ': training, equipment and advice for local partners. ', 1 + (b % 5)::INTEGER)
            || if(b % 50 = 0, chr(10), ' ') || '[through partner ' || b || ']' AS "Activity Description",
        'SPMWRA' || fiscal_year % 100 || 'CA' || lpad((b % 9999)::VARCHAR, 4, '0')
            AS "Activity Project Number",
        if(a % 5 = 0, NULL, fiscal_year || '-10-01') AS "Activity Start Date",
        if(a % 4 = 0, NULL, fiscal_year + 2 || '-09-30') AS "Activity End Date",
        if(hash(i, 3) % 3 = 0, 2, 3) AS "Transaction Type ID",
        if(hash(i, 3) % 3 = 0, 'Obligations', 'Disbursements') AS "Transaction Type Name",
        fiscal_year AS "Fiscal Year",
        lpad((1 + b % 28)::VARCHAR, 2, '0') || 'SEP' || fiscal_year AS "Transaction Date",
        (hash(i, 4) % 3000000)::BIGINT - 200000 + if(hash(i, 9) % 10000 < $changed, 1, 0)
            AS "Current Dollar Amount",
        (hash(i, 4) % 3300000)::BIGINT - 200000 AS "Constant Dollar Amount",
        'C01' AS "aid_type_id",
        'Project-type interventions' AS "aid_type_name",
        NULL AS "activity_budget_amount",
        500000 + i AS "submission_activity_id"
    FROM words
) TO $path (FORMAT csv, HEADER, DELIMITER ',', QUOTE '"', ESCAPE '"', NULLSTR 'NULL')
