-- The role that applies plans. Run as a superuser: it can be run again. Leave it out where no plan changes a database.
--
-- It can log in and do nothing else until it is given what plans are meant to change: make it a member of the owners of those
-- objects, and no superuser. Its password belongs into /etc/countersign/executor/, which the watcher does not see.
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'countersign_executor') THEN
    CREATE ROLE countersign_executor;
  END IF;
END
$$;
ALTER ROLE countersign_executor
  LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS CONNECTION LIMIT 2;
ALTER ROLE countersign_executor SET lock_timeout = '5s';
ALTER ROLE countersign_executor SET idle_in_transaction_session_timeout = '1min';
-- For plans about grants on the objects of an owner:
-- GRANT app_owner TO countersign_executor;
-- For plans about roles and memberships, CREATEROLE; from PostgreSQL 16 on only over roles that it has ADMIN OPTION on:
-- ALTER ROLE countersign_executor CREATEROLE;
