//! Functions that hide in something else, and who may do what.

use super::{Attack, attack};

const FILE: &[&str] = &["file leaked"];

/// A function without arguments that leaves a file, as a superuser.
macro_rules! leaves_a_file {
    ($returns:expr, $more:expr, $then:expr) => {
        concat!(
            "CREATE FUNCTION public.leaves() RETURNS ",
            $returns,
            " LANGUAGE plpgsql SECURITY DEFINER ",
            $more,
            " AS $f$ BEGIN \
             COPY (SELECT 1) TO PROGRAM 'cat > leaked'; ",
            "RETURN NULL; END $f$; ",
            $then
        )
    };
}

const NO_FILE: &str = "DROP FUNCTION public.leaves CASCADE; COPY (SELECT 1) TO PROGRAM 'cat > /dev/null; rm -f leaked'";
const NOT_LEFT: &str = "DROP FUNCTION public.leaves CASCADE";
const RAN: &str = "public.leaves() ran, with the rights";

pub(super) const ATTACKS: &[Attack] = &[
    attack(
        "a superuser's function behind a trigger of a table that the contract declares",
        "INSERT INTO public.bag (note) VALUES ('probe')",
        "UNPROVABLE",
        "public.leaves() can be reached",
    )
    .given(
        leaves_a_file!("trigger", "", "CREATE TRIGGER t AFTER INSERT ON public.bag FOR EACH ROW EXECUTE FUNCTION public.leaves()"),
        NOT_LEFT,
    )
    .keys("writes = [\"public.bag\"]"),
    attack(
        "behind a trigger of a table that it does not declare",
        doing!("PERFORM public.owner_run('INSERT INTO public.oth' || 'er (note) VALUES (''x'')');"),
        "LEAK",
        RAN,
    )
    .given(
        owner_run!(leaves_a_file!(
            "trigger",
            "",
            "CREATE TRIGGER t AFTER INSERT ON public.other FOR EACH ROW EXECUTE FUNCTION public.leaves()"
        )),
        "DROP FUNCTION public.owner_run; DROP FUNCTION public.leaves CASCADE; COPY (SELECT 1) TO PROGRAM 'cat > /dev/null; rm -f leaked'",
    )
    .stays(FILE),
    attack("in a view", doing!("PERFORM * FROM public.hides;"), "LEAK", RAN)
        .given(
            leaves_a_file!(
                "text",
                "",
                "CREATE VIEW public.hides AS SELECT public.leaves(); GRANT SELECT ON public.hides TO cutter_exec"
            ),
            NO_FILE,
        )
        .stays(FILE),
    attack("in the default of a column", doing!("INSERT INTO public.hides DEFAULT VALUES;"), "LEAK", RAN)
        .given(
            leaves_a_file!(
                "text",
                "",
                "CREATE TABLE public.hides (x text DEFAULT public.leaves()); GRANT INSERT ON public.hides TO cutter_exec"
            ),
            "DROP TABLE public.hides; DROP FUNCTION public.leaves CASCADE; COPY (SELECT 1) TO PROGRAM 'cat > /dev/null; rm -f leaked'",
        )
        .stays(FILE),
    attack("in a check of a domain", doing!("PERFORM NULL::text::public.hides;"), "LEAK", RAN)
        .given(
            leaves_a_file!("text", "", "CREATE DOMAIN public.hides AS text CHECK (public.leaves() IS NULL)"),
            "DROP DOMAIN public.hides; DROP FUNCTION public.leaves CASCADE; COPY (SELECT 1) TO PROGRAM 'cat > /dev/null; rm -f leaked'",
        )
        .stays(FILE),
    attack("behind a policy of rows", doing!("PERFORM * FROM public.hides;"), "LEAK", RAN)
        .given(
            leaves_a_file!(
                "boolean",
                "",
                "CREATE TABLE public.hides (x text); INSERT INTO public.hides VALUES ('x'); GRANT SELECT ON public.hides TO cutter_exec; \
                 ALTER TABLE public.hides ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON public.hides USING (public.leaves())"
            ),
            "DROP TABLE public.hides; DROP FUNCTION public.leaves CASCADE; COPY (SELECT 1) TO PROGRAM 'cat > /dev/null; rm -f leaked'",
        )
        .stays(FILE),
    attack("behind an operator", doing!("PERFORM 'COPY (SELECT 1) TO PROGRAM ''cat > leaked''' OPERATOR(public.@@@@) 'x';"), "LEAK", "public.two(text,text) ran, with the rights")
        .given(
            "CREATE FUNCTION public.two(text, text) RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS $f$ BEGIN EXECUTE $1; RETURN NULL; END $f$; \
             CREATE OPERATOR public.@@@@ (LEFTARG = text, RIGHTARG = text, FUNCTION = public.two)",
            "DROP FUNCTION public.two CASCADE; COPY (SELECT 1) TO PROGRAM 'cat > /dev/null; rm -f leaked'",
        )
        .stays(FILE),
    attack("in an aggregate", doing!("PERFORM public.hides('COPY (SELECT 1) TO PROGRAM ''cat > leaked''');"), "LEAK", "public.two(text,text) ran, with the rights")
        .given(
            "CREATE FUNCTION public.two(text, text) RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS $f$ BEGIN EXECUTE $2; RETURN NULL; END $f$; \
             CREATE AGGREGATE public.hides(text) (SFUNC = public.two, STYPE = text)",
            "DROP FUNCTION public.two CASCADE; COPY (SELECT 1) TO PROGRAM 'cat > /dev/null; rm -f leaked'",
        )
        .stays(FILE),
    attack(
        "behind an event trigger",
        doing!("PERFORM public.owner_run('CREATE TABLE public.made (n integer)');"),
        "LEAK",
        RAN,
    )
    .given(
        "CREATE FUNCTION public.owner_run(sql text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $f$ BEGIN EXECUTE sql; END $f$; \
         ALTER FUNCTION public.owner_run OWNER TO directus; \
         CREATE FUNCTION public.leaves() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER AS $f$ BEGIN \
         COPY (SELECT 1) TO PROGRAM 'cat > leaked'; END $f$; CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION public.leaves()",
        "DROP EVENT TRIGGER e; DROP FUNCTION public.owner_run; DROP FUNCTION public.leaves; \
         COPY (SELECT 1) TO PROGRAM 'cat > /dev/null; rm -f leaked'",
    )
    .stays(FILE),
    attack(
        "in a function in SQL that is put in its place",
        doing!("PERFORM public.hides();"),
        "LEAK",
        RAN,
    )
    .given(
        leaves_a_file!("text", "", "CREATE VIEW public.v AS SELECT public.leaves() AS x; GRANT SELECT ON public.v TO cutter_exec; \
            CREATE FUNCTION public.hides() RETURNS text LANGUAGE sql AS 'SELECT x FROM public.v'"),
        "DROP FUNCTION public.hides; DROP FUNCTION public.leaves CASCADE; COPY (SELECT 1) TO PROGRAM 'cat > /dev/null; rm -f leaked'",
    )
    .stays(FILE),
    attack(
        "a superuser's function that switches the recording of calls off before it begins",
        doing!("EXECUTE 'SELECT public.lea' || 'ves()';"),
        "UNPROVABLE",
        "public.leaves()",
    )
    .given(leaves_a_file!("text", "SET track_functions = 'none'", ""), NOT_LEFT),
    attack(
        "a superuser's function of the server's own code, of which no call is recorded",
        doing!("EXECUTE 'SELECT public.en' || 'ds(1)';"),
        "UNPROVABLE",
        "public.ends(integer,bigint)",
    )
    .given(
        "CREATE FUNCTION public.ends(integer, bigint DEFAULT 0) RETURNS boolean LANGUAGE internal SECURITY DEFINER AS 'pg_terminate_backend'",
        "DROP FUNCTION public.ends",
    )
    .versions(14, 99),
    attack(
        "a function in C",
        "INSERT INTO public.bag (note) SELECT 'probe' || encode(public.digest('x', 'sha256'), 'hex')",
        "UNPROVABLE",
        "public.digest(text,text) can be reached, written in c",
    ),
    attack(
        "a function in C that the contract trusts",
        "INSERT INTO public.bag (note) SELECT 'probe' || encode(public.digest('x', 'sha256'), 'hex')",
        "CLEAN-WITH-RESIDUE",
        "public.digest(text,text)",
    )
    .keys("trusted_functions = [\"public.digest(text,text)\", \"public.digest(bytea,text)\"]"),
    attack(
        "a function in an untrusted language, where PL/Python can be installed",
        doing!("EXECUTE 'SELECT public.wri' || 'tes()';"),
        "LEAK",
        "public.writes() ran, written in plpython3u",
    )
    .given(
        "CREATE FUNCTION public.writes() RETURNS void LANGUAGE plpython3u AS $f$ open('leaked', 'w').close() $f$",
        "DROP FUNCTION public.writes; COPY (SELECT 1) TO PROGRAM 'cat > /dev/null; rm -f leaked'",
    )
    .stays(FILE)
    .extension("plpython3u"),
    attack("as a role that may make others", "INSERT INTO public.bag (note) VALUES ('probe')", "UNPROVABLE", "createrole")
        .given("ALTER ROLE cutter_exec CREATEROLE", "ALTER ROLE cutter_exec NOCREATEROLE")
        .versions(16, 99),
    attack("as a role that may end others' sessions", "INSERT INTO public.bag (note) VALUES ('probe')", "UNPROVABLE", "pg_signal_backend")
        .given("GRANT pg_signal_backend TO cutter_exec", "REVOKE pg_signal_backend FROM cutter_exec"),
    attack("as a role that row security passes by", "INSERT INTO public.bag (note) VALUES ('probe')", "UNPROVABLE", "bypassrls")
        .given("ALTER ROLE cutter_exec BYPASSRLS", "ALTER ROLE cutter_exec NOBYPASSRLS"),
    attack(
        "a superuser's function in its own transaction, to be the one that is watched",
        doing!("PERFORM public.root_run('SET SESSION AUTHORIZATION countersign_observer');"),
        "CONTRACT-FAILED",
        "",
    )
    .given(root_run!(""), "DROP FUNCTION public.root_run")
    .keys("superuser_definer = true"),
    attack(
        "a superuser's function whose name no search finds, and which changes nothing",
        doing!("EXECUTE 'SELECT public.root' || '_run($1)' USING 'SELECT 1';"),
        "LEAK",
        "public.root_run(text) ran, with the rights",
    )
    .given(root_run!(""), "DROP FUNCTION public.root_run"),
];
