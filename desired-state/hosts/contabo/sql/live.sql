SELECT current_database()::text AS database, session_user::text AS session, current_user::text AS acting
