//! Statements that end a transaction, and what is undone with one.

use super::{Attack, attack};

const PROCEDURE: &str = "CREATE PROCEDURE public.commits() LANGUAGE plpgsql AS \
    $f$ BEGIN INSERT INTO public.bag (note) VALUES ('probe'); COMMIT; END $f$";
const NO_PROCEDURE: &str = "DROP PROCEDURE public.commits()";

pub(super) const ATTACKS: &[Attack] = &[
    attack("`COMMIT`", "COMMIT", "UNPROVABLE", "0A000"),
    attack("`COMMIT AND CHAIN`", "COMMIT AND CHAIN", "UNPROVABLE", "0A000"),
    attack("`END`", "END", "UNPROVABLE", "0A000"),
    attack("`ROLLBACK`", "ROLLBACK", "UNPROVABLE", "0A000"),
    attack("`BEGIN`", "BEGIN", "UNPROVABLE", "0A000"),
    attack("`PREPARE TRANSACTION`", "PREPARE TRANSACTION 'probe'", "UNPROVABLE", "0A000"),
    attack("`SAVEPOINT`", "SAVEPOINT a", "UNPROVABLE", "0A000"),
    attack(
        "`INSERT …; COMMIT`",
        "INSERT INTO public.bag (note) VALUES ('probe'); COMMIT",
        "UNPROVABLE",
        "one statement",
    ),
    attack(
        "`INSERT …; COMMIT AND CHAIN`",
        "INSERT INTO public.bag (note) VALUES ('probe'); COMMIT AND CHAIN",
        "UNPROVABLE",
        "one statement",
    ),
    attack(
        "`ROLLBACK; INSERT …`",
        "ROLLBACK; INSERT INTO public.bag (note) VALUES ('probe')",
        "UNPROVABLE",
        "one statement",
    ),
    attack(
        "`COMMIT; BEGIN; SELECT pg_current_xact_id()`",
        "COMMIT; BEGIN; SELECT pg_current_xact_id()",
        "UNPROVABLE",
        "one statement",
    ),
    attack(
        "two statements that are both harmless",
        "INSERT INTO public.bag (note) VALUES ('probe'); INSERT INTO public.other (note) VALUES ('probe')",
        "UNPROVABLE",
        "one statement",
    ),
    attack(
        "one statement with `;` and a comment behind it",
        "INSERT INTO public.bag (note) VALUES ('probe;') -- ; COMMIT",
        "CLEAN-ABSOLUTE",
        "",
    ),
    attack(
        "text that ends the text around it",
        "INSERT INTO public.bag (note) VALUES ($countersign$probe$countersign$)",
        "CLEAN-ABSOLUTE",
        "",
    ),
    attack("no statement at all", "$countersign$; COMMIT; --", "UNPROVABLE", "42601"),
    attack("a `DO` with `COMMIT` in it", doing!("COMMIT;"), "UNPROVABLE", "2D000"),
    attack("a `DO` with `ROLLBACK` in it", doing!("ROLLBACK;"), "UNPROVABLE", "2D000"),
    attack(
        "a `DO` that builds a `COMMIT`",
        doing!("EXECUTE 'com' || 'mit';"),
        "UNPROVABLE",
        "0A000",
    ),
    attack("`CALL` of a procedure that commits", "CALL public.commits()", "UNPROVABLE", "2D000")
        .given(PROCEDURE, NO_PROCEDURE),
    attack(
        "a `DO` that calls one",
        "DO $a$ BEGIN CALL public.commits(); END $a$",
        "UNPROVABLE",
        "2D000",
    )
    .given(PROCEDURE, NO_PROCEDURE),
    attack(
        "a `DO` that swallows the refusal",
        doing!("BEGIN COMMIT; EXCEPTION WHEN OTHERS THEN NULL; END;"),
        "CLEAN-ABSOLUTE",
        "",
    ),
    attack("`VACUUM`", "VACUUM public.bag", "UNPROVABLE", "25001"),
    attack("`CREATE DATABASE`", "CREATE DATABASE probe", "UNPROVABLE", "25001"),
    attack("`ALTER SYSTEM`", "ALTER SYSTEM SET work_mem = '1MB'", "UNPROVABLE", "25001"),
    attack(
        "`CREATE INDEX CONCURRENTLY`",
        "CREATE INDEX CONCURRENTLY ON public.bag (note)",
        "UNPROVABLE",
        "25001",
    ),
    attack("`DISCARD ALL`", "DISCARD ALL", "UNPROVABLE", "25001"),
    attack("`COPY … TO STDOUT`", "COPY public.bag TO STDOUT", "UNPROVABLE", "0A000"),
];

pub(super) const INSIDE: &[Attack] = &[
    attack("rows", "INSERT INTO public.bag (note) SELECT 'probe' FROM generate_series(1, 1000)", "CLEAN-ABSOLUTE", ""),
    attack("`TRUNCATE`, without the right", "TRUNCATE public.bag", "CONTRACT-FAILED", "42501"),
    attack("`TRUNCATE`", doing!("PERFORM public.owner_run('TRUNCATE public.keyed');"), "CLEAN-ABSOLUTE", "")
        .given(owner_run!(""), "DROP FUNCTION public.owner_run"),
    attack(
        "`TRUNCATE` where only reading is expected",
        "SELECT public.owner_run('TRUNCATE public.keyed')",
        "CONTRACT-FAILED",
        "should only read",
    )
    .given(owner_run!(""), "DROP FUNCTION public.owner_run")
    .keys("expect = \"read\""),
    attack(
        "`ALTER TABLE`, `CREATE TABLE`, `DROP TABLE`",
        doing!(
            "PERFORM public.owner_run('ALTER TABLE public.bag ADD n integer'); \
             PERFORM public.owner_run('CREATE TABLE public.made (n) AS SELECT 1'); PERFORM public.owner_run('DROP TABLE public.other');"
        ),
        "CLEAN-ABSOLUTE",
        "",
    )
    .given(owner_run!(""), "DROP FUNCTION public.owner_run"),
    attack(
        "`GRANT` to itself",
        doing!("PERFORM public.owner_run('GRANT ALL ON public.bag TO cutter_exec');"),
        "CLEAN-ABSOLUTE",
        "",
    )
    .given(owner_run!(""), "DROP FUNCTION public.owner_run"),
    attack(
        "an unlogged table",
        doing!("PERFORM public.owner_run('CREATE UNLOGGED TABLE public.made (n) AS SELECT 1');"),
        "CLEAN-ABSOLUTE",
        "",
    )
    .given(owner_run!(""), "DROP FUNCTION public.owner_run"),
    attack("a temporary table, without the right", doing!("CREATE TEMP TABLE t (n integer);"), "CONTRACT-FAILED", "42501"),
    attack(
        "a temporary table",
        doing!("CREATE TEMP TABLE t (n integer); INSERT INTO t VALUES (1);"),
        "CLEAN-ABSOLUTE",
        "",
    )
    .given("GRANT TEMPORARY ON DATABASE directus TO cutter_exec", "REVOKE TEMPORARY ON DATABASE directus FROM cutter_exec"),
    attack(
        "a large object",
        doing!("PERFORM lo_from_bytea(0, 'probe'); PERFORM lo_create(4711);"),
        "CLEAN-ABSOLUTE",
        "",
    ),
    attack("a large object where only reading is expected", "SELECT lo_create(4711)", "CONTRACT-FAILED", "should only read")
        .keys("expect = \"read\""),
    attack("`NOTIFY` and `LISTEN`", doing!("NOTIFY probe, 'x'; LISTEN probe;"), "CLEAN-ABSOLUTE", ""),
    attack(
        "a session's advisory lock",
        doing!("PERFORM pg_advisory_lock(4711);"),
        "CLEAN-ABSOLUTE",
        "advisory lock",
    ),
    attack("`LOCK TABLE`", doing!("LOCK TABLE public.bag IN SHARE ROW EXCLUSIVE MODE;"), "CLEAN-ABSOLUTE", "")
        .given("GRANT DELETE ON public.bag TO cutter_exec", "REVOKE DELETE ON public.bag FROM cutter_exec"),
    attack("`PREPARE` and a session's setting", doing!("SET work_mem = '1MB'; PREPARE p AS SELECT 1;"), "CLEAN-ABSOLUTE", ""),
    attack("a setting of the role, for its next sessions", doing!("ALTER ROLE cutter_exec SET work_mem = '1MB';"), "CLEAN-ABSOLUTE", ""),
    attack("`RESET ROLE`", doing!("RESET ROLE;"), "CLEAN-ABSOLUTE", ""),
    attack("`SET SESSION AUTHORIZATION DEFAULT`", doing!("SET SESSION AUTHORIZATION DEFAULT;"), "CLEAN-ABSOLUTE", ""),
    attack("`SET ROLE` to another", doing!("SET ROLE directus;"), "CONTRACT-FAILED", "42501"),
    attack("`SET ROLE` to one that it is a member of", doing!("SET ROLE directus;"), "CLEAN-ABSOLUTE", "it ended as `directus`")
        .given("GRANT directus TO cutter_exec", "REVOKE directus FROM cutter_exec"),
    attack("`session_replication_role`, without the right", doing!("SET session_replication_role = replica;"), "CONTRACT-FAILED", "42501"),
    attack("`session_replication_role`", doing!("SET session_replication_role = replica;"), "CLEAN-ABSOLUTE", "")
        .given(
            "GRANT SET ON PARAMETER session_replication_role TO cutter_exec",
            "REVOKE SET ON PARAMETER session_replication_role FROM cutter_exec",
        )
        .versions(15, 99),
    attack("nothing at all", "SELECT 1", "VACUOUS", "wrote to no table"),
    attack("a write that the witness does not see", "INSERT INTO public.other (note) VALUES ('probe')", "VACUOUS", "the witness counts"),
];
