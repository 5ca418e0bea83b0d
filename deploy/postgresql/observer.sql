-- The role that looks. Run as a superuser in each database that is watched: it can be run again.
--
-- It sees definitions and counts rows, and can change nothing: no attribute, no membership that does more than read, every
-- transaction read-only unless it says otherwise, and nothing granted that could be written.
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'countersign_observer') THEN
    CREATE ROLE countersign_observer;
  END IF;
END
$$;
ALTER ROLE countersign_observer
  LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS INHERIT CONNECTION LIMIT 4;
ALTER ROLE countersign_observer SET default_transaction_read_only = on;
ALTER ROLE countersign_observer SET statement_timeout = '5min';
ALTER ROLE countersign_observer SET lock_timeout = '2s';
ALTER ROLE countersign_observer SET idle_in_transaction_session_timeout = '5min';
-- A server's own settings, which `pg_server` compares.
GRANT pg_read_all_settings TO countersign_observer;
-- Rows are counted, and read by `query` and `fingerprint`, as this role. Where that is too much, grant SELECT on what is
-- counted, and USAGE on its schemas, in place of this line; PostgreSQL 13 has no such role, and needs those grants.
DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'pg_read_all_data') THEN
    GRANT pg_read_all_data TO countersign_observer;
  END IF;
END
$$;
-- Rows behind row security are counted only with this:
-- ALTER ROLE countersign_observer BYPASSRLS;

-- It logs in as its user of the operating system, over the unix socket: in pg_ident.conf
--   countersign  countersign  countersign_observer
-- and in pg_hba.conf
--   local  all  countersign_observer  peer map=countersign
-- or with a password, which `\password countersign_observer` sets without leaving it in a log or a history.
