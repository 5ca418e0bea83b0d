-- What makes the transaction of a proof impossible to commit. Run as a superuser, in each database with proofs. The same can
-- come by a plan that people sign, `countersign plan --only 'proof_guard.*'`: then leave this file alone.
--
-- A proof logs in as the role of the application itself. Put its name for `app`, once for each role that `[database.NAME]
-- prover` lists; desired state says the same as `provers = ["app"]` of `[proof_guard.countersign]`, and sees what is altered.
BEGIN;
CREATE ROLE countersign_owner
  NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
CREATE SCHEMA countersign AUTHORIZATION countersign_owner;
SET LOCAL ROLE countersign_owner;
CREATE TABLE countersign.pill (n integer);
CREATE FUNCTION countersign.refuse() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
  AS $refuse$
BEGIN
    RAISE EXCEPTION 'countersign: this transaction may not commit' USING ERRCODE = 'CSP01';
END
$refuse$;
REVOKE EXECUTE ON FUNCTION countersign.refuse() FROM PUBLIC;
CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON countersign.pill
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION countersign.refuse();
ALTER TABLE countersign.pill ENABLE ALWAYS TRIGGER refuse;
GRANT USAGE ON SCHEMA countersign TO app;
GRANT INSERT ON countersign.pill TO app;
RESET ROLE;
-- From PostgreSQL 15 on: a proof counts its function calls, and gives way soon where it would wait for somebody.
DO $$
BEGIN
  IF pg_catalog.current_setting('server_version_num')::integer >= 150000 THEN
    EXECUTE 'GRANT SET ON PARAMETER track_functions, deadlock_timeout TO app';
  END IF;
END
$$;
COMMIT;
