-- Whether the account may ask which server this is; PostgreSQL answers.
SELECT has_function_privilege('pg_control_system()', 'execute')
