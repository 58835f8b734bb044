-- Which database this is, of which server: no copy of it has the same; PostgreSQL answers.
SELECT d.datname || '/' || d.oid || '/' || s.system_identifier
FROM pg_database AS d, pg_control_system() AS s
WHERE d.datname = current_database()
