-- Made-up people of Colombia's register of victims, and as many accidents again by half of its register of events.
INSERT INTO present.casualty_events BY NAME
SELECT
    source_id || '-' || substr(md5('event' || i), 1, 16) AS entry_id,
    1 AS revision, 'added' AS change,
    source_id, source_id AS series,
    'Made up' AS report, 'bench' AS edition,
    repeat('0', 64) AS vintage_sha256, sha256('event' || i) AS content_sha256,
    'bench.csv line ' || i AS locator, 'https://example.org' AS source_url,
    $refresh AS recorded_in,
    if(is_person, 'person', 'event') AS unit,
    'COL' AS area, 'Colombia' AS area_as_printed,
    (1990 + i % 35) || '-' || lpad((1 + i % 12)::VARCHAR, 2, '0') AS date,
    1990 + i % 35 AS year, 1 + i % 12 AS month,
    'Department ' || (i % 32) AS admin1, 'Municipality ' || (i % 1100) AS admin2,
    'unknown' AS place_kind,
    if(is_person, ['killed', 'injured', 'injured'][1 + i % 3], NULL) AS outcome,
    if(is_person, ['civilian', 'public force'][1 + i % 2], NULL) AS condition,
    if(is_person, ['adult', 'minor'][1 + i % 2], NULL) AS age_group,
    if(is_person, ['male', 'female'][1 + i % 2], NULL) AS sex,
    'antipersonnel mine' AS device,
    i AS occurrence
FROM (
    SELECT
        i,
        i % 3 < 2 AS is_person,
        if(is_person, 'colombia_victims', 'colombia_events') AS source_id
    FROM range($entries) AS t(i)
)
