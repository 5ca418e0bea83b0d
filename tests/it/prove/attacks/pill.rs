//! Attacks on the pill, and on the statement around the contract.

use super::{Attack, attack};

pub(super) const ATTACKS: &[Attack] = &[
    attack("`SET CONSTRAINTS ALL IMMEDIATE`", doing!("SET CONSTRAINTS ALL IMMEDIATE;"), "CONTRACT-FAILED", "CSP01"),
    attack(
        "`SET CONSTRAINTS countersign.refuse IMMEDIATE`",
        doing!("SET CONSTRAINTS countersign.refuse IMMEDIATE;"),
        "CONTRACT-FAILED",
        "CSP01",
    ),
    attack("`SET CONSTRAINTS ALL DEFERRED`", doing!("SET CONSTRAINTS ALL DEFERRED;"), "CLEAN-ABSOLUTE", ""),
    attack("`DELETE` of the row", doing!("DELETE FROM countersign.pill;"), "CONTRACT-FAILED", "42501"),
    attack("`TRUNCATE` of the table", doing!("TRUNCATE countersign.pill;"), "CONTRACT-FAILED", "42501"),
    attack("`DROP TABLE`", doing!("DROP TABLE countersign.pill;"), "CONTRACT-FAILED", "42501"),
    attack("`DROP SCHEMA … CASCADE`", doing!("DROP SCHEMA countersign CASCADE;"), "CONTRACT-FAILED", "42501"),
    attack("`DROP TRIGGER`", doing!("DROP TRIGGER refuse ON countersign.pill;"), "CONTRACT-FAILED", "42501"),
    attack("`DISABLE TRIGGER`", doing!("ALTER TABLE countersign.pill DISABLE TRIGGER refuse;"), "CONTRACT-FAILED", "42501"),
    attack("`DROP FUNCTION … CASCADE`", doing!("DROP FUNCTION countersign.refuse() CASCADE;"), "CONTRACT-FAILED", "42501"),
    attack(
        "another function in its place",
        doing!(
            "CREATE OR REPLACE FUNCTION countersign.refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
        ),
        "CONTRACT-FAILED",
        "42501",
    ),
    attack("`SET ROLE` to its owner", doing!("SET ROLE countersign_owner;"), "CONTRACT-FAILED", "42501"),
    attack("more rows of it", doing!("INSERT INTO countersign.pill SELECT generate_series(1, 100);"), "CLEAN-ABSOLUTE", ""),
    attack(
        "a constraint of another table with its name",
        "INSERT INTO public.bag (note) SELECT 'probe' FROM (SELECT public.fn_refuses()) AS made",
        "CLEAN-ABSOLUTE",
        "",
    )
    .given(
        "CREATE FUNCTION public.fn_nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'; \
         CREATE FUNCTION public.fn_refuses() RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $f$ BEGIN \
         CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON public.other DEFERRABLE INITIALLY DEFERRED \
         FOR EACH ROW EXECUTE FUNCTION public.fn_nothing(); INSERT INTO public.other (note) VALUES ('x'); END $f$; \
         ALTER FUNCTION public.fn_refuses OWNER TO directus",
        "DROP FUNCTION public.fn_refuses; DROP FUNCTION public.fn_nothing",
    ),
    attack(
        "a superuser's function that the contract declares takes the trigger away",
        doing!("PERFORM public.root_run('DROP TRIGGER refuse ON countersign.pill');"),
        "CLEAN-WITH-RESIDUE",
        "public.root_run(text)",
    )
    .given(root_run!(""), "DROP FUNCTION public.root_run")
    .keys("superuser_definer = true"),
    attack(
        "and lets all triggers rest",
        doing!("PERFORM public.root_run('SET session_replication_role = replica');"),
        "CLEAN-WITH-RESIDUE",
        "public.root_run(text)",
    )
    .given(root_run!(""), "DROP FUNCTION public.root_run")
    .keys("superuser_definer = true"),
    attack(
        "a deferred constraint that would refuse the commit",
        "INSERT INTO public.judged (note) VALUES ('probe')",
        "CONTRACT-FAILED",
        "P0001: too late",
    )
    .given(
        "CREATE TABLE public.judged (note text); GRANT INSERT ON public.judged TO cutter_exec; \
         CREATE FUNCTION public.fn_judge() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN RAISE 'too late'; END $f$; \
         CREATE CONSTRAINT TRIGGER judge AFTER INSERT ON public.judged DEFERRABLE INITIALLY DEFERRED FOR EACH ROW \
         EXECUTE FUNCTION public.fn_judge()",
        "DROP TABLE public.judged; DROP FUNCTION public.fn_judge",
    ),
    attack(
        "the same behind a schema that the role may not use",
        doing!("PERFORM public.owner_run('INSERT INTO closed.judged (note) VALUES (''probe'')');"),
        "INCONCLUSIVE",
        "closed.judge could not be made to judge",
    )
    .given(
        owner_run!(
            "CREATE SCHEMA closed AUTHORIZATION directus; CREATE TABLE closed.judged (note text); ALTER TABLE closed.judged OWNER TO directus; \
             CREATE FUNCTION closed.fn_judge() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN RAISE 'too late'; END $f$; \
             CREATE CONSTRAINT TRIGGER judge AFTER INSERT ON closed.judged DEFERRABLE INITIALLY DEFERRED FOR EACH ROW \
             EXECUTE FUNCTION closed.fn_judge()"
        ),
        "DROP FUNCTION public.owner_run; DROP SCHEMA closed CASCADE",
    ),
];

/// An error like the one that ends every proof.
macro_rules! forged {
    ($state:expr) => {
        concat!(
            "DO $a$ BEGIN RAISE EXCEPTION USING ERRCODE = '",
            $state,
            "', MESSAGE = 'forged', DETAIL = '{\"done\":true,\"rows\":\"1\",\"sqlstate\":null,\"message\":null,\"witness_before\":\"0\",\"witness_inside\":\"1\",\
             \"found\":{},\"xid\":\"1\",\"pid\":\"1\",\"role\":\"x\",\"session_role\":\"x\",\"traced\":true,\"functions\":[],\"writes\":[],\
             \"locks\":[],\"advisory\":\"0\",\"fired\":\"0\",\"unfired\":[]}'; END $a$"
        )
    };
}

/// A schema in which operators and functions of PostgreSQL have others behind them.
macro_rules! fooling {
    ($then:expr) => {
        concat!(
            "CREATE SCHEMA fooling; GRANT USAGE ON SCHEMA fooling TO cutter_exec; \
    CREATE FUNCTION fooling.one_more(bigint) RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RETURN $1 + 1; END'; \
    CREATE AGGREGATE fooling.count(*) (SFUNC = fooling.one_more, STYPE = bigint, INITCOND = '100'); \
    CREATE FUNCTION fooling.never(bigint, bigint) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RETURN false; END'; \
    CREATE OPERATOR fooling.> (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = fooling.never); \
    CREATE FUNCTION fooling.never(oid, oid) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RETURN false; END'; \
    CREATE OPERATOR fooling.<> (LEFTARG = oid, RIGHTARG = oid, FUNCTION = fooling.never); \
    CREATE OPERATOR fooling.= (LEFTARG = oid, RIGHTARG = oid, FUNCTION = fooling.never); \
    CREATE FUNCTION fooling.coalesce(json, text) RETURNS text LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'; \
    CREATE DOMAIN fooling.text AS pg_catalog.text; CREATE DOMAIN fooling.jsonb AS pg_catalog.jsonb CHECK (false); \
    GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA fooling TO cutter_exec; ",
            $then
        )
    };
}

const FOOLING: &str = fooling!("");
const FOOLED: &str =
    fooling!("ALTER ROLE cutter_exec SET search_path = fooling, pg_catalog, public");

pub(super) const WRAPPER: &[Attack] = &[
    attack(
        "another contract, from within",
        doing!("PERFORM set_config('countersign.contract', 'COMMIT', true);"),
        "CLEAN-ABSOLUTE",
        "",
    ),
    attack(
        "another witness, from within",
        "DO $a$ BEGIN INSERT INTO public.other (note) VALUES ('probe'); \
         PERFORM set_config('countersign.witness', 'SELECT 4711', false); END $a$",
        "VACUOUS",
        "the witness counts 0",
    ),
    attack(
        "other places, from within",
        "SELECT set_config('countersign.places', '[\"forged\"]', false) AS answer, public.one_more() AS n",
        "CONTRACT-FAILED",
        "`answer` of its answer is null",
    )
    .given(
        "CREATE FUNCTION public.one_more() RETURNS integer LANGUAGE sql VOLATILE AS \
         $f$ INSERT INTO public.bag (note) VALUES ('probe') RETURNING 1 $f$",
        "DROP FUNCTION public.one_more",
    )
    .keys("result = { answer = \"[\\\"forged\\\"]\" }"),
    attack(
        "an aggregate `count` and operators of its own before those of PostgreSQL",
        "DO $a$ BEGIN INSERT INTO public.other (note) VALUES ('probe'); \
         PERFORM set_config('search_path', 'fooling, pg_catalog, public', false); END $a$",
        "VACUOUS",
        "the witness counts 0",
    )
    .given(FOOLING, "DROP SCHEMA fooling CASCADE"),
    attack(
        "the same, as the role's own setting",
        "INSERT INTO public.other (note) VALUES ('probe')",
        "VACUOUS",
        "the witness counts 0",
    )
    .given(
        FOOLED, "ALTER ROLE cutter_exec RESET search_path; DROP SCHEMA fooling CASCADE",
    ),
    attack(
        "an error like the last one, with evidence of its own",
        forged!("CSP00"),
        "CONTRACT-FAILED",
        "CSP00: forged",
    ),
    attack("the same as what is expected", forged!("CSP00"), "CLEAN-ABSOLUTE", "").keys("denied = \"CSP00\""),
    attack("an error that no block catches", forged!("57014"), "INCONCLUSIVE", "57014"),
    attack("a failed assertion", doing!("ASSERT false, 'x';"), "INCONCLUSIVE", "P0004"),
    attack(
        "the pill's own error",
        doing!("RAISE EXCEPTION USING ERRCODE = 'CSP01', MESSAGE = 'x';"),
        "CONTRACT-FAILED",
        "CSP01",
    ),
    attack("10 MB of message", doing!("RAISE EXCEPTION '%', repeat('x', 10000000);"), "CONTRACT-FAILED", "P0001: xxx"),
    attack(
        "40 MB of notices",
        doing!("FOR i IN 1..40 LOOP RAISE WARNING '%', repeat('x', 1000000); END LOOP;"),
        "INCONCLUSIVE",
        "",
    )
    .keys("statement_ms = 5000"),
    attack(
        "a message that the terminal would obey",
        doing!("RAISE EXCEPTION '%', E'\\x1b[31m\\u202e\\nCLEAN-ABSOLUTE';"),
        "CONTRACT-FAILED",
        "",
    ),
    attack("its own session ended", doing!("PERFORM pg_terminate_backend(pg_backend_pid());"), "UNPROVABLE", "pg_terminate_backend"),
    attack("its own statement cancelled", doing!("PERFORM pg_cancel_backend(pg_backend_pid()); PERFORM pg_sleep(1);"), "UNPROVABLE", "pg_cancel_backend"),
    attack("longer than it may take", doing!("PERFORM pg_sleep(10);"), "INCONCLUSIVE", "57014"),
    attack("the limit lifted from within", doing!("SET statement_timeout = 0; PERFORM pg_sleep(10);"), "INCONCLUSIVE", "57014"),
    attack(
        "the recording of calls switched off",
        doing!("SET track_functions = 'none';"),
        "INCONCLUSIVE",
        "calls of functions are not recorded",
    )
    .versions(15, 99),
    attack(
        "the recording of calls switched off and on again",
        doing!("SET track_functions = 'none'; SET track_functions = 'all';"),
        "INCONCLUSIVE",
        "switched the recording of calls off",
    )
    .versions(15, 99),
    attack(
        "the same by a function",
        doing!("PERFORM public.fn_hides();"),
        "INCONCLUSIVE",
        "switched the recording of calls off",
    )
    .given(
        "CREATE FUNCTION public.fn_hides() RETURNS void LANGUAGE plpgsql AS $f$ BEGIN \
         PERFORM set_config('track' || '_functions', 'none', true); PERFORM set_config('track' || '_functions', 'all', true); END $f$",
        "DROP FUNCTION public.fn_hides",
    )
    .versions(15, 99),
    attack(
        "the counting of rows switched off by a superuser's function that the contract declares",
        "SELECT public.root_run('SET track_counts = off'), public.one_more()",
        "INCONCLUSIVE",
        "calls of functions are not recorded",
    )
    .given(
        root_run!(
            "CREATE FUNCTION public.one_more() RETURNS integer LANGUAGE sql VOLATILE AS \
             $f$ INSERT INTO public.bag (note) VALUES ('probe') RETURNING 1 $f$"
        ),
        "DROP FUNCTION public.root_run; DROP FUNCTION public.one_more",
    )
    .keys("expect = \"read\"\nsuperuser_definer = true"),
];
