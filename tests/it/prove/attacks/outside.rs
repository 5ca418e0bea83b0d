//! Ways out of the transaction: other connections, files, programs, what belongs to the whole server.

use super::{Attack, attack};

const NO_ROOT_RUN: &str = "DROP FUNCTION public.root_run";
const FILE: &[&str] = &["file leaked"];
const OTHER: &[&str] = &["other"];
/// Takes the file away that was left.
const NO_ROOT_NO_FILE: &str =
    "DROP FUNCTION public.root_run; COPY (SELECT 1) TO PROGRAM 'cat > /dev/null; rm -f leaked'";

/// Another session of a superuser inserts a row.
macro_rules! elsewhere {
    ($sql:expr) => {
        concat!("PERFORM public.root_run('SELECT public.dblink_exec(''host=SOCKET user=postgres dbname=directus'', ''", $sql, "'')');")
    };
}

/// The same, with a name that no search finds.
macro_rules! hidden {
    ($sql:expr) => {
        concat!("EXECUTE 'SELECT public.root' || '_run($1)' USING '", $sql, "';")
    };
}

/// Says who may write messages to the log of changes, by whatever parameters that has in this version.
macro_rules! emit {
    ($verb:literal, $preposition:literal) => {
        concat!(
            "DO $m$ DECLARE f regprocedure; BEGIN FOR f IN SELECT oid FROM pg_proc WHERE proname = 'pg_logical_emit_message' LOOP \
             EXECUTE format('",
            $verb,
            " EXECUTE ON FUNCTION %s ",
            $preposition,
            " PUBLIC', f); END LOOP; END $m$"
        )
    };
}

/// Every function of a name has to be declared, since the name is all that can be found before.
const TRUSTED: &str = "superuser_definer = true\ntrusted_functions = [\"public.dblink_exec(text,text)\", \
    \"public.dblink_exec(text,text,boolean)\", \"public.dblink_exec(text)\", \"public.dblink_exec(text,boolean)\", \
    \"public.dblink(text,text)\", \"public.dblink(text,text,boolean)\", \"public.dblink(text)\", \"public.dblink(text,boolean)\"]";

/// Foreign tables that lead back to this very database, as the owner of the application's tables.
const FAR: &str = "CREATE SERVER loop FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'SOCKET', dbname 'directus'); \
    CREATE USER MAPPING FOR cutter_exec SERVER loop OPTIONS (user 'directus', password_required 'false'); \
    CREATE FOREIGN TABLE public.far (note text) SERVER loop OPTIONS (table_name 'other'); \
    CREATE FOREIGN TABLE public.far_counted (note text) SERVER loop OPTIONS (table_name 'counted'); \
    GRANT SELECT, INSERT ON public.far, public.far_counted TO cutter_exec";
const NOT_FAR: &str = "DROP SERVER loop CASCADE";

/// A table that is the output of a program.
const PROGRAM: &str = "CREATE SERVER files FOREIGN DATA WRAPPER file_fdw; \
    CREATE FOREIGN TABLE public.program (line text) SERVER files OPTIONS (program 'touch leaked; echo x'); \
    GRANT SELECT ON public.program TO cutter_exec";
const NO_PROGRAM: &str =
    "DROP SERVER files CASCADE; COPY (SELECT 1) TO PROGRAM 'cat > /dev/null; rm -f leaked'";

/// The same, as the right of a role that the prover is a member of and inherits nothing from.
const LENT_PROGRAM: &str = "CREATE SERVER files FOREIGN DATA WRAPPER file_fdw; \
    CREATE FOREIGN TABLE public.program (line text) SERVER files OPTIONS (program 'touch leaked; echo x'); \
    CREATE ROLE lender; ALTER ROLE cutter_exec NOINHERIT; GRANT lender TO cutter_exec; GRANT SELECT ON public.program TO lender";
const NO_LENT_PROGRAM: &str = "DROP SERVER files CASCADE; ALTER ROLE cutter_exec INHERIT; DROP ROLE lender; \
    COPY (SELECT 1) TO PROGRAM 'cat > /dev/null; rm -f leaked'";

/// An aggregate that opens a connection, as anybody.
const AGGREGATE: &str = "CREATE ROLE with_password LOGIN PASSWORD 'x'; GRANT INSERT ON public.other TO with_password; \
    CREATE AGGREGATE public.harmless(text) (SFUNC = public.dblink_exec, STYPE = text, \
    INITCOND = 'host=SOCKET user=with_password password=x dbname=directus')";
const NO_AGGREGATE: &str =
    "DROP AGGREGATE public.harmless(text); DROP OWNED BY with_password; DROP ROLE with_password";

pub(super) const ATTACKS: &[Attack] = &[
    attack(
        "a connection by dblink",
        doing!("PERFORM public.dblink_exec('host=SOCKET user=postgres dbname=directus', 'DELETE FROM public.other');"),
        "UNPROVABLE",
        "public.dblink_exec(text,text) can be reached, written in c",
    )
    .extension("dblink"),
    attack(
        "a connection by dblink under a name that no search finds",
        doing!("EXECUTE 'SELECT public.dblink' || '_exec($1, $2)' USING 'host=SOCKET user=postgres dbname=directus', 'DELETE FROM public.other';"),
        "LEAK",
        "public.dblink_exec(text,text) ran, written in c",
    )
    .extension("dblink"),
    attack(
        "a connection by dblink through a superuser's function",
        doing!(elsewhere!("INSERT INTO public.other (note) VALUES (''''leaked'''')")),
        "UNPROVABLE",
        "public.root_run(text) can be reached",
    )
    .given(root_run!(""), NO_ROOT_RUN)
    .extension("dblink"),
    attack(
        "the same under a name that no search finds",
        doing!(hidden!("SELECT public.dblink' || '_exec(''host=SOCKET user=postgres dbname=directus'', ''INSERT INTO public.other (note) VALUES (''''leaked'''')'')")),
        "LEAK",
        "public.dblink_exec(text,text) ran, written in c",
    )
    .given(root_run!(""), NO_ROOT_RUN)
    .stays(OTHER)
    .extension("dblink"),
    attack(
        "dblink and a superuser's function that the contract declares: a row that a leak probe counts",
        doing!(elsewhere!("INSERT INTO public.bag (note) VALUES (''''probe'''')")),
        "LEAK",
        "the leak probe counted 0 before and 1 after",
    )
    .given(root_run!(""), "DROP FUNCTION public.root_run; DELETE FROM public.bag")
    .keys(TRUSTED)
    .stays(&["bag"])
    .extension("dblink"),
    attack(
        "the same: a row that no probe counts",
        doing!(elsewhere!("INSERT INTO public.other (note) VALUES (''''leaked'''')")),
        "INCONCLUSIVE",
        "committed meanwhile, and it cannot be told by whom",
    )
    .given(root_run!(""), NO_ROOT_RUN)
    .keys(TRUSTED)
    .stays(OTHER)
    .extension("dblink"),
    attack(
        "the same: a transaction that is prepared",
        doing!(elsewhere!("BEGIN; INSERT INTO public.other (note) VALUES (''''leaked''''); PREPARE TRANSACTION ''''probe''''")),
        "LEAK",
        "a prepared transaction `probe` is there that was not",
    )
    .given(root_run!(""), "DROP FUNCTION public.root_run;; ROLLBACK PREPARED 'probe'")
    .keys(TRUSTED)
    .stays(&["prepared transaction probe"])
    .extension("dblink"),
    attack(
        "the same: a sequence that the transaction itself never touches",
        doing!("PERFORM public.root_run('SELECT * FROM public.dblink(''host=SOCKET user=postgres dbname=directus'', ''SELECT nextval(''''public.counted_n_seq'''')'') AS t(n bigint)');"),
        "INCONCLUSIVE",
        "sequence public.counted_n_seq has moved",
    )
    .given(root_run!(""), NO_ROOT_RUN)
    .keys(TRUSTED)
    .stays(&["sequence counted_n_seq"])
    .extension("dblink"),
    attack(
        "an aggregate made of dblink, whose parts nobody records",
        doing!("PERFORM public.harmless('INSERT INTO public.other (note) VALUES (''leaked'')');"),
        "UNPROVABLE",
        "public.harmless(text)",
    )
    .given(AGGREGATE, NO_AGGREGATE)
    .extension("dblink"),
    attack(
        "the same under a name that no search finds",
        doing!("EXECUTE 'SELECT public.harm' || 'less($1)' USING 'INSERT INTO public.other (note) VALUES (''leaked'')';"),
        "UNPROVABLE",
        "public.harmless(text)",
    )
    .given(AGGREGATE, NO_AGGREGATE)
    .extension("dblink"),
    attack("a foreign table", doing!("INSERT INTO public.far (note) VALUES ('leaked');"), "LEAK", "public.far is a foreign table")
        .given(FAR, NOT_FAR),
    attack(
        "a foreign table over there with a sequence",
        doing!("INSERT INTO public.far_counted (note) VALUES ('leaked');"),
        "LEAK",
        "public.far_counted is a foreign table",
    )
    .given(FAR, NOT_FAR)
    .stays(&["sequence counted_n_seq"]),
    attack(
        "the same in a block that fails, which takes its locks with it",
        doing!("BEGIN INSERT INTO public.far_counted (note) VALUES ('leaked'); RAISE 'x'; EXCEPTION WHEN OTHERS THEN NULL; END;"),
        "INCONCLUSIVE",
        "public.far_counted is a foreign table within its reach",
    )
    .given(FAR, NOT_FAR)
    .stays(&["sequence counted_n_seq"]),
    attack("a foreign table within reach that nothing touches", "INSERT INTO public.bag (note) VALUES ('probe')", "CLEAN-ABSOLUTE", "")
        .given(FAR, NOT_FAR),
    attack(
        "a table that is a program, as a role that it can become, in a block that fails",
        doing!("SET ROLE lender; BEGIN PERFORM * FROM public.program; RAISE 'x'; EXCEPTION WHEN OTHERS THEN NULL; END; RESET ROLE;"),
        "INCONCLUSIVE",
        "public.program is a foreign table within its reach",
    )
    .given(LENT_PROGRAM, NO_LENT_PROGRAM)
    .stays(FILE)
    .extension("file_fdw"),
    attack("a table that is a program", doing!("PERFORM * FROM public.program;"), "LEAK", "public.program is a foreign table")
        .given(PROGRAM, NO_PROGRAM)
        .stays(FILE)
        .extension("file_fdw"),
    attack(
        "the same, and then the refusal that is expected",
        doing!("PERFORM * FROM public.program; RAISE insufficient_privilege;"),
        "INCONCLUSIVE",
        "public.program is a foreign table within its reach",
    )
    .given(PROGRAM, NO_PROGRAM)
    .keys("denied = \"42501\"")
    .stays(FILE)
    .extension("file_fdw"),
    attack("`COPY … TO` a file", doing!("COPY (SELECT 1) TO '/tmp/leaked';"), "CONTRACT-FAILED", "42501"),
    attack("`COPY … TO PROGRAM`", doing!("COPY (SELECT 1) TO PROGRAM 'cat > leaked';"), "CONTRACT-FAILED", "42501"),
    attack(
        "`COPY … TO PROGRAM` as a role that may",
        doing!("COPY (SELECT 1) TO PROGRAM 'cat > leaked';"),
        "UNPROVABLE",
        "pg_execute_server_program",
    )
    .given("GRANT pg_execute_server_program TO cutter_exec", "REVOKE pg_execute_server_program FROM cutter_exec"),
    attack(
        "`COPY … TO PROGRAM` by a superuser's function",
        doing!("PERFORM public.root_run('COPY (SELECT 1) TO PROGRAM ''cat > leaked''');"),
        "UNPROVABLE",
        "public.root_run(text) can be reached",
    )
    .given(root_run!(""), NO_ROOT_RUN),
    attack(
        "the same under a name that no search finds",
        doing!(hidden!("COPY (SELECT 1) TO PROGRAM ''cat > leaked''")),
        "LEAK",
        "public.root_run(text) ran, with the rights",
    )
    .given(root_run!(""), NO_ROOT_NO_FILE)
    .stays(FILE),
    attack(
        "the same where the contract declares a superuser's function",
        doing!("PERFORM public.root_run('COPY (SELECT 1) TO PROGRAM ''cat > leaked''');"),
        "CLEAN-WITH-RESIDUE",
        "public.root_run(text)",
    )
    .given(root_run!(""), NO_ROOT_NO_FILE)
    .keys("superuser_definer = true")
    .stays(FILE),
    attack(
        "by a function of a role that is no superuser, and may start programs",
        doing!("PERFORM public.owner_run('COPY (SELECT 1) TO PROGRAM ''cat > leaked''');"),
        "UNPROVABLE",
        "public.owner_run(text) can be reached",
    )
    .given(
        owner_run!("GRANT pg_execute_server_program TO directus"),
        "DROP FUNCTION public.owner_run; REVOKE pg_execute_server_program FROM directus",
    ),
    attack(
        "the same under a name that no search finds",
        doing!("EXECUTE 'SELECT public.owner' || '_run($1)' USING 'COPY (SELECT 1) TO PROGRAM ''cat > leaked''';"),
        "LEAK",
        "public.owner_run(text) ran, with the rights",
    )
    .given(
        owner_run!("GRANT pg_execute_server_program TO directus"),
        "DROP FUNCTION public.owner_run; REVOKE pg_execute_server_program FROM directus; \
         COPY (SELECT 1) TO PROGRAM 'cat > /dev/null; rm -f leaked'",
    )
    .stays(FILE),
    attack("`lo_export`", doing!("PERFORM lo_export(1, '/tmp/leaked');"), "CONTRACT-FAILED", "42501"),
    attack(
        "`lo_export` that was granted",
        doing!("PERFORM lo_export(lo_from_bytea(0, 'x'), '/tmp/leaked');"),
        "UNPROVABLE",
        "lo_export(oid,text)",
    )
    .given(
        "GRANT EXECUTE ON FUNCTION lo_export(oid, text) TO cutter_exec",
        "REVOKE EXECUTE ON FUNCTION lo_export(oid, text) FROM cutter_exec",
    ),
    attack(
        "the same under another name, of which no call is recorded",
        doing!("PERFORM public.renamed(lo_from_bytea(0, 'x'), '/tmp/leaked');"),
        "UNPROVABLE",
        "public.renamed(oid,text)",
    )
    .given(
        "CREATE FUNCTION public.renamed(oid, text) RETURNS integer LANGUAGE internal AS 'be_lo_export'",
        "DROP FUNCTION public.renamed",
    ),
    attack("`pg_switch_wal` that was granted", doing!("PERFORM pg_switch_wal();"), "UNPROVABLE", "pg_switch_wal()")
        .given("GRANT EXECUTE ON FUNCTION pg_switch_wal() TO cutter_exec", "REVOKE EXECUTE ON FUNCTION pg_switch_wal() FROM cutter_exec"),
    attack("the same of a role that it can become", doing!("SET ROLE lender; PERFORM pg_switch_wal();"), "UNPROVABLE", "pg_switch_wal()")
        .given(
            "CREATE ROLE lender; GRANT EXECUTE ON FUNCTION pg_switch_wal() TO lender; ALTER ROLE cutter_exec NOINHERIT; GRANT lender TO cutter_exec",
            "DROP OWNED BY lender; DROP ROLE lender; ALTER ROLE cutter_exec INHERIT",
        ),
    attack(
        "`pg_stat_reset` that was granted to the owner of a function",
        doing!("PERFORM public.owner_run('SELECT pg_stat_reset()');"),
        "UNPROVABLE",
        "public.owner_run(text) can be reached",
    )
    .given(
        owner_run!("GRANT EXECUTE ON FUNCTION pg_stat_reset() TO directus"),
        "DROP FUNCTION public.owner_run; REVOKE EXECUTE ON FUNCTION pg_stat_reset() FROM directus",
    ),
    attack(
        "a replication slot",
        doing!("PERFORM pg_create_physical_replication_slot('probe');"),
        "CONTRACT-FAILED",
        "",
    ),
    attack("a replication slot, as a role that may", "SELECT pg_create_physical_replication_slot('probe')", "UNPROVABLE", "replication")
        .given("ALTER ROLE cutter_exec REPLICATION", "ALTER ROLE cutter_exec NOREPLICATION"),
    attack(
        "a replication slot by a superuser's function that the contract declares",
        doing!("PERFORM public.root_run('SELECT pg_create_physical_replication_slot(''probe'')');"),
        "LEAK",
        "a replication slot `probe` is there that was not",
    )
    .given(root_run!(""), "DROP FUNCTION public.root_run; SELECT pg_drop_replication_slot('probe')")
    .keys("superuser_definer = true")
    .stays(&["slot probe"]),
    attack(
        "a replication slot that is gone",
        doing!("PERFORM public.root_run('SELECT pg_drop_replication_slot(''kept'')');"),
        "LEAK",
        "the replication slot `kept` is gone",
    )
    .given(root_run!("SELECT pg_create_physical_replication_slot('kept')"), NO_ROOT_RUN)
    .keys("superuser_definer = true")
    .stays(&["slot kept"]),
    attack(
        "`pg_logical_emit_message`",
        doing!("PERFORM pg_logical_emit_message(false, 'probe', 'x');"),
        "UNPROVABLE",
        "pg_logical_emit_message can be reached",
    ),
    attack(
        "`pg_logical_emit_message` under a name that no search finds, where everybody may",
        doing!("EXECUTE 'SELECT pg_logical' || '_emit_message(false, ''probe'', ''x'')';"),
        "INCONCLUSIVE",
        "may have written messages to the log of changes",
    )
    .given(emit!("GRANT", "TO"), emit!("REVOKE", "FROM"))
    .stays(&["messages in the log"]),
    attack(
        "the same by a function of the owner",
        doing!("PERFORM public.owner_run('SELECT pg_logical' || '_emit_message(false, ''probe'', ''x'')');"),
        "INCONCLUSIVE",
        "may have written messages to the log of changes",
    )
    .given(
        concat!(owner_run!(""), ";", emit!("GRANT", "TO")),
        concat!("DROP FUNCTION public.owner_run;", emit!("REVOKE", "FROM")),
    )
    .stays(&["messages in the log"]),
    attack(
        "the same by the default of a column",
        "INSERT INTO public.tells (note) VALUES ('probe')",
        "UNPROVABLE",
        "an expression of public.tells calls pg_logical_emit_message",
    )
    .given(
        concat!(
            "CREATE TABLE public.tells (note text, at pg_lsn DEFAULT pg_logical_emit_message(false, 'probe', 'x')); \
             GRANT INSERT ON public.tells TO cutter_exec;",
            emit!("GRANT", "TO")
        ),
        concat!("DROP TABLE public.tells;", emit!("REVOKE", "FROM")),
    ),
    attack(
        "the same by a function that is the default of a column",
        "INSERT INTO public.tells (note) VALUES ('probe')",
        "INCONCLUSIVE",
        "public.tell() calls what no rollback takes back",
    )
    .given(
        concat!(
            "CREATE FUNCTION public.tell() RETURNS text LANGUAGE plpgsql AS \
             $f$ BEGIN RETURN pg_logical_emit_message(false, 'probe', 'x')::text; END $f$; \
             CREATE TABLE public.tells (note text, at text DEFAULT public.tell()); GRANT INSERT ON public.tells TO cutter_exec;",
            emit!("GRANT", "TO")
        ),
        concat!("DROP TABLE public.tells; DROP FUNCTION public.tell;", emit!("REVOKE", "FROM")),
    )
    .stays(&["messages in the log"]),
    attack(
        "the same where that is nobody's right",
        doing!("PERFORM public.owner_run('SELECT pg_logical' || '_emit_message(false, ''probe'', ''x'')');"),
        "CONTRACT-FAILED",
        "42501",
    )
    .given(owner_run!(""), "DROP FUNCTION public.owner_run"),
];
