//! Functions, triggers and event triggers.

use super::{Case, Group, case, cluster};

const SETUP: &str = "
CREATE ROLE functions_owner; CREATE ROLE functions_other; CREATE ROLE functions_super SUPERUSER;
CREATE TABLE public.unit (id int PRIMARY KEY, state text, note text);
CREATE TABLE public.version (id int PRIMARY KEY, unit int CONSTRAINT version_unit REFERENCES public.unit);
CREATE VIEW public.units AS SELECT * FROM public.unit;
CREATE TABLE public.part (n int) PARTITION BY RANGE (n);
CREATE TABLE public.part_1 PARTITION OF public.part FOR VALUES FROM (0) TO (9);
CREATE FUNCTION public.fn_create(p_title text, p_parent uuid DEFAULT NULL) RETURNS jsonb LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
  RETURN '{\"status\": \"created\"}';
END
$$;
ALTER FUNCTION public.fn_create(text, uuid) OWNER TO functions_owner;
COMMENT ON FUNCTION public.fn_create(text, uuid) IS 'the gate';
CREATE FUNCTION public.fn_rows() RETURNS SETOF int LANGUAGE sql STABLE PARALLEL SAFE STRICT LEAKPROOF COST 7 ROWS 5
    AS 'SELECT 1';
CREATE PROCEDURE public.fn_do(n int) LANGUAGE plpgsql AS 'BEGIN NULL; END';
CREATE FUNCTION public.fn_native(internal) RETURNS internal LANGUAGE internal STRICT AS 'textlike_support';
ALTER FUNCTION public.fn_rows() SUPPORT pg_catalog.textlike_support;
CREATE AGGREGATE public.fn_sum(int) (SFUNC = int4pl, STYPE = int, INITCOND = '0');
CREATE FUNCTION public.fn_guard() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
CREATE FUNCTION public.fn_other() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
CREATE TRIGGER guard BEFORE INSERT OR UPDATE OF state ON public.unit FOR EACH ROW
    WHEN (new.state IS NOT NULL) EXECUTE FUNCTION public.fn_guard('a', 'b''c');
COMMENT ON TRIGGER guard ON public.unit IS 'guards';
CREATE CONSTRAINT TRIGGER late AFTER INSERT ON public.unit FROM public.version DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    EXECUTE FUNCTION public.fn_guard();
CREATE TRIGGER many AFTER UPDATE ON public.unit REFERENCING OLD TABLE AS o NEW TABLE AS n FOR EACH STATEMENT
    EXECUTE FUNCTION public.fn_guard();
CREATE TRIGGER instead INSTEAD OF INSERT ON public.units FOR EACH ROW EXECUTE FUNCTION public.fn_guard();
CREATE TRIGGER parted AFTER INSERT ON public.part FOR EACH ROW EXECUTE FUNCTION public.fn_guard();
CREATE FUNCTION public.fn_event() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE FUNCTION public.fn_event_2() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE EVENT TRIGGER watch ON sql_drop WHEN TAG IN ('DROP TABLE') EXECUTE FUNCTION public.fn_event();
ALTER EVENT TRIGGER watch OWNER TO postgres; COMMENT ON EVENT TRIGGER watch IS 'watches';
CREATE EXTENSION pgcrypto;
";

const DESIRED: &str = r#"
[pg_function."public.fn_create(text, uuid)"]
database = "lab"
kind = "function"
signature = "p_title text, p_parent uuid DEFAULT NULL::uuid"
returns = "jsonb"
language = "plpgsql"
owner = "functions_owner"
security_definer = true
settings = { search_path = "pg_catalog, public" }
volatility = "volatile"
parallel = "unsafe"
strict = false
leakproof = false
cost = 100
rows = 0
body = '''

BEGIN
  RETURN '{"status": "created"}';
END
'''
support = ""
extension = ""
comment = "the gate"

[pg_function."public.fn_rows()"]
database = "lab"
returns = "SETOF integer"
volatility = "stable"
parallel = "safe"
strict = true
leakproof = true
cost = 7
rows = 5
support = "textlike_support(internal)"
body_sha256 = "e004ebd5b5532a4b85984a62f8ad48a81aa3460c1ca07701f386135d72cdecf5"

[pg_function."public.fn_do(integer)"]
database = "lab"
kind = "procedure"
returns = ""
body = "BEGIN NULL; END"

[pg_function."public.fn_native(internal)"]
database = "lab"
language = "internal"
body = "textlike_support"
library = ""

[pg_function."public.fn_sum(integer)"]
database = "lab"
kind = "aggregate"
aggregate = { transition = "int4pl(integer,integer)", state = "integer", initial = "0", final = "" }

[pg_function."public.fn_event()"]
database = "lab"
definition_md5 = "32ae783c8b3ab92e11b9ab61239046fd"

[pg_function."public.fn_event_2()"]
database = "lab"
pin = "1:f67076fee0c5136afbdc4555d7172eeb7b2289dc55b462ec57bf608c1a10bda1"

[pg_function."public.gone()"]
database = "lab"
present = false

[pg_function."public.fn_*"]
database = "lab"
only = [
    "public.fn_create(text, uuid)", "public.fn_rows()", "public.fn_do(integer)",
    "public.fn_native(internal)", "public.fn_sum(integer)", "public.fn_guard()", "public.fn_other()", "public.fn_event()",
    "public.fn_event_2()",
]

[pg_function."*"]
database = "lab"
security_definer = true
only = ["public.fn_create(text, uuid)"]

[pg_trigger."public.unit.guard"]
database = "lab"
enabled = "origin"
timing = "before"
events = ["update", "insert"]
columns = ["state"]
level = "row"
when = "(new.state IS NOT NULL)"
function = "public.fn_guard()"
arguments = ["a", "b'c"]
constraint = false
deferrable = false
initially_deferred = false
referenced = ""
old_table = ""
new_table = ""
parent = ""
comment = "guards"

[pg_trigger."public.unit.late"]
database = "lab"
constraint = true
deferrable = true
initially_deferred = true
referenced = "public.version"

[pg_trigger."public.unit.many"]
database = "lab"
level = "statement"
old_table = "o"
new_table = "n"
definition = "CREATE TRIGGER many AFTER UPDATE ON public.unit REFERENCING OLD TABLE AS o NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION public.fn_guard()"

[pg_trigger."public.units.instead"]
database = "lab"
timing = "instead of"

[pg_trigger."public.part_1.parted"]
database = "lab"
enabled = "origin"
parent = "public.part.parted"

[pg_trigger."public.unit.gone"]
database = "lab"
present = false

[pg_trigger."public.unit.*"]
database = "lab"
only = ["public.unit.guard", "public.unit.late", "public.unit.many"]

[pg_trigger."public.version.*"]
database = "lab"
only = []

[pg_event_trigger.watch]
database = "lab"
enabled = "origin"
event = "sql_drop"
tags = ["drop table"]
function = "public.fn_event()"
owner = "postgres"
comment = "watches"

[pg_event_trigger.gone]
database = "lab"
present = false

[pg_event_trigger."*"]
database = "lab"
only = ["watch"]
"#;

const CREATE: &str = "pg_function.public.fn_create(text, uuid)";
const ROWS: &str = "pg_function.public.fn_rows()";
const SUM: &str = "pg_function.public.fn_sum(integer)";
const GUARD: &str = "pg_trigger.public.unit.guard";
const LATE: &str = "pg_trigger.public.unit.late";
const MANY: &str = "pg_trigger.public.unit.many";
const OF_UNIT: &str = "pg_trigger.public.unit.*";
const OF_VERSION: &str = "pg_trigger.public.version.*";
const ALL: &str = "pg_function.public.fn_*";
const DEFINERS: &str = "pg_function.*";
const WATCH: &str = "pg_event_trigger.watch";
const EVENTS: &str = "pg_event_trigger.*";

pub(crate) const GROUP: Group = Group {
    name: "functions",
    title: "Functions, triggers and event triggers",
    setup: SETUP,
    desired: DESIRED,
    cases: CASES,
};

const CASES: &[Case] = &[
    // Functions.
    case(
        "the body of a function is replaced",
        "CREATE OR REPLACE FUNCTION public.fn_create(p_title text, p_parent uuid DEFAULT NULL) RETURNS jsonb \
         LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS 'BEGIN RETURN NULL; END'",
        &[(CREATE, "body")],
    ),
    case(
        "a body is edited in the catalog",
        "UPDATE pg_catalog.pg_proc SET prosrc = prosrc || '--' WHERE proname = 'fn_create'",
        &[(CREATE, "body")],
    ),
    case(
        "a body that is pinned",
        "CREATE OR REPLACE FUNCTION public.fn_rows() RETURNS SETOF int LANGUAGE sql STABLE \
          PARALLEL SAFE STRICT LEAKPROOF COST 7 ROWS 5 SUPPORT pg_catalog.textlike_support AS 'SELECT 2'",
        &[(ROWS, "body")],
    ),
    case(
        "the body of a procedure",
        "CREATE OR REPLACE PROCEDURE public.fn_do(n int) LANGUAGE plpgsql AS 'BEGIN COMMIT; END'",
        &[("pg_function.public.fn_do(integer)", "body")],
    ),
    case(
        "the symbol of a native function",
        "CREATE OR REPLACE FUNCTION public.fn_native(internal) RETURNS internal LANGUAGE internal STRICT AS 'texticlike_support'",
        &[("pg_function.public.fn_native(internal)", "body")],
    ),
    case(
        "the default of an argument is another",
        "CREATE OR REPLACE FUNCTION public.fn_create(p_title text, p_parent uuid DEFAULT gen_random_uuid()) RETURNS jsonb \
         LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$\nBEGIN\n  \
         RETURN '{\"status\": \"created\"}';\nEND\n$$",
        &[(CREATE, "signature")],
    ),
    case(
        "the owner's rights are no longer lent",
        "ALTER FUNCTION public.fn_create SECURITY INVOKER",
        &[(CREATE, "security_definer"), (DEFINERS, "public.fn_create(text, uuid)")],
    ),
    case(
        "another function lends its owner's rights",
        "ALTER FUNCTION public.fn_other SECURITY DEFINER",
        &[(DEFINERS, "public.fn_other()")],
    ),
    case(
        "a function of an extension lends its owner's rights",
        "ALTER FUNCTION public.gen_salt(text) SECURITY DEFINER",
        &[(DEFINERS, "public.gen_salt(text)")],
    ),
    case(
        "a built-in function lends its owner's rights",
        "ALTER FUNCTION pg_catalog.lower(text) SECURITY DEFINER",
        &[(DEFINERS, "pg_catalog.lower(text)")],
    ),
    case(
        "a setting of a function goes",
        "ALTER FUNCTION public.fn_create RESET search_path",
        &[(CREATE, "settings.search_path")],
    ),
    case(
        "a setting of a function is another",
        "ALTER FUNCTION public.fn_create SET search_path = public",
        &[(CREATE, "settings.search_path")],
    ),
    case(
        "a setting of a function comes",
        "ALTER FUNCTION public.fn_create SET work_mem = '1MB'",
        &[(CREATE, "settings.work_mem")],
    ),
    case("a function is called stable", "ALTER FUNCTION public.fn_create STABLE", &[(CREATE, "volatility")]),
    case(
        "a function is called immutable",
        "ALTER FUNCTION public.fn_rows IMMUTABLE",
        &[(ROWS, "volatility")],
    ),
    case(
        "a function is called safe in parallel plans",
        "ALTER FUNCTION public.fn_create PARALLEL RESTRICTED",
        &[(CREATE, "parallel")],
    ),
    case("a function is called strict", "ALTER FUNCTION public.fn_create STRICT", &[(CREATE, "strict")]),
    case("a function is called leakproof", "ALTER FUNCTION public.fn_create LEAKPROOF", &[(CREATE, "leakproof")]),
    case("a function is called leakproof no longer", "ALTER FUNCTION public.fn_rows NOT LEAKPROOF", &[(ROWS, "leakproof")]),
    case("a function has another cost", "ALTER FUNCTION public.fn_create COST 99.5", &[(CREATE, "cost")]),
    case("a function has another number of rows", "ALTER FUNCTION public.fn_rows ROWS 6", &[(ROWS, "rows")]),
    case(
        "a function has another support function",
        "ALTER FUNCTION public.fn_rows SUPPORT pg_catalog.texticlike_support",
        &[(ROWS, "support")],
    ),
    case("a function has another owner", "ALTER FUNCTION public.fn_create OWNER TO functions_other", &[(CREATE, "owner")]),
    case("the comment of a function goes", "COMMENT ON FUNCTION public.fn_create IS NULL", &[(CREATE, "comment")]),
    case(
        "a function joins an extension",
        "ALTER EXTENSION pgcrypto ADD FUNCTION public.fn_create(text, uuid)",
        &[(CREATE, "extension"), (ALL, "public.fn_create(text, uuid)")],
    ),
    case(
        "a function has another language",
        "CREATE OR REPLACE FUNCTION public.fn_native(internal) RETURNS internal LANGUAGE c AS '$libdir/pgcrypto', 'pg_digest'",
        &[
            ("pg_function.public.fn_native(internal)", "language"),
            ("pg_function.public.fn_native(internal)", "body"),
            ("pg_function.public.fn_native(internal)", "library"),
        ],
    ),
    case(
        "a function has another result",
        "DROP FUNCTION public.fn_rows(); CREATE FUNCTION public.fn_rows() RETURNS SETOF bigint LANGUAGE sql STABLE \
         PARALLEL SAFE STRICT LEAKPROOF COST 7 ROWS 5 SUPPORT pg_catalog.textlike_support AS 'SELECT 1'",
        &[(ROWS, "returns")],
    ),
    case(
        "a function becomes a procedure",
        "DROP PROCEDURE public.fn_do(int); CREATE FUNCTION public.fn_do(n int) RETURNS void LANGUAGE plpgsql AS 'BEGIN NULL; END'",
        &[
            ("pg_function.public.fn_do(integer)", "kind"),
            ("pg_function.public.fn_do(integer)", "returns"),
        ],
    ),
    case(
        "a function goes",
        "DROP FUNCTION public.fn_other() CASCADE",
        &[(ALL, "public.fn_other()")],
    ),
    case(
        "an overload comes",
        "CREATE FUNCTION public.fn_create(p_title text) RETURNS int LANGUAGE sql AS 'SELECT 1'",
        &[(ALL, "public.fn_create(text)")],
    ),
    case(
        "a function has another name",
        "ALTER FUNCTION public.fn_other() RENAME TO fn_third",
        &[(ALL, "public.fn_other()"), (ALL, "public.fn_third()")],
    ),
    case(
        "what shall not be there is",
        "CREATE FUNCTION public.gone() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        &[("pg_function.public.gone()", "presence")],
    ),
    case(
        "a pinned definition",
        "ALTER FUNCTION public.fn_event() SET work_mem = '1MB'",
        &[("pg_function.public.fn_event()", "definition_md5")],
    ),
    case(
        "a pinned function",
        "ALTER FUNCTION public.fn_event_2() OWNER TO functions_other",
        &[("pg_function.public.fn_event_2()", "pin")],
    ),
    case(
        "another transition of an aggregate",
        "CREATE OR REPLACE AGGREGATE public.fn_sum(int) (SFUNC = int4mi, STYPE = int, INITCOND = '0')",
        &[(SUM, "aggregate.transition")],
    ),
    case(
        "another beginning and end of an aggregate",
        "CREATE OR REPLACE AGGREGATE public.fn_sum(int) (SFUNC = int4pl, STYPE = int, INITCOND = '1', FINALFUNC = int4up)",
        &[(SUM, "aggregate.initial"), (SUM, "aggregate.final")],
    ),
    case(
        "another state of an aggregate",
        "DROP AGGREGATE public.fn_sum(int); \
         CREATE AGGREGATE public.fn_sum(int) (SFUNC = int84pl, STYPE = bigint, INITCOND = '0')",
        &[(SUM, "aggregate.transition"), (SUM, "aggregate.state")],
    ),
    // Triggers.
    case(
        "a trigger is disabled",
        "ALTER TABLE public.unit DISABLE TRIGGER guard",
        &[(GUARD, "enabled")],
    ),
    case(
        "a trigger fires always",
        "ALTER TABLE public.unit ENABLE ALWAYS TRIGGER guard",
        &[(GUARD, "enabled")],
    ),
    case(
        "a trigger fires on replicas",
        "ALTER TABLE public.unit ENABLE REPLICA TRIGGER guard",
        &[(GUARD, "enabled")],
    ),
    case(
        "a trigger goes",
        "DROP TRIGGER guard ON public.unit",
        &[(GUARD, "presence"), (OF_UNIT, "guard on public.unit")],
    ),
    case(
        "a trigger comes",
        "CREATE TRIGGER zz BEFORE INSERT ON public.unit FOR EACH ROW EXECUTE FUNCTION public.fn_other()",
        &[(OF_UNIT, "zz on public.unit")],
    ),
    case(
        "a trigger has another name",
        "ALTER TRIGGER guard ON public.unit RENAME TO guard_2",
        &[
            (GUARD, "presence"),
            (OF_UNIT, "guard on public.unit"),
            (OF_UNIT, "guard_2 on public.unit"),
        ],
    ),
    case(
        "a trigger that shall not be there comes",
        "CREATE TRIGGER gone BEFORE INSERT ON public.unit FOR EACH ROW EXECUTE FUNCTION public.fn_other()",
        &[("pg_trigger.public.unit.gone", "presence"), (OF_UNIT, "gone on public.unit")],
    ),
    case(
        "a trigger fires after the change",
        "CREATE OR REPLACE TRIGGER guard AFTER INSERT OR UPDATE OF state ON public.unit FOR EACH ROW \
         WHEN (new.state IS NOT NULL) EXECUTE FUNCTION public.fn_guard('a', 'b''c')",
        &[(GUARD, "timing")],
    ).since(14),
    case(
        "the condition of a trigger is another",
        "CREATE OR REPLACE TRIGGER guard BEFORE INSERT OR UPDATE OF state ON public.unit FOR EACH ROW \
         WHEN (new.state <> 'x') EXECUTE FUNCTION public.fn_guard('a', 'b''c')",
        &[(GUARD, "when")],
    ).since(14),
    case(
        "the condition of a trigger goes",
        "CREATE OR REPLACE TRIGGER guard BEFORE INSERT OR UPDATE OF state ON public.unit FOR EACH ROW \
         EXECUTE FUNCTION public.fn_guard('a', 'b''c')",
        &[(GUARD, "when")],
    ).since(14),
    case(
        "another column is watched",
        "CREATE OR REPLACE TRIGGER guard BEFORE INSERT OR UPDATE OF note ON public.unit FOR EACH ROW \
         WHEN (new.state IS NOT NULL) EXECUTE FUNCTION public.fn_guard('a', 'b''c')",
        &[(GUARD, "columns")],
    ).since(14),
    case(
        "every column is watched",
        "CREATE OR REPLACE TRIGGER guard BEFORE INSERT OR UPDATE ON public.unit FOR EACH ROW \
         WHEN (new.state IS NOT NULL) EXECUTE FUNCTION public.fn_guard('a', 'b''c')",
        &[(GUARD, "columns")],
    ).since(14),
    case(
        "an event of a trigger goes",
        "CREATE OR REPLACE TRIGGER guard BEFORE UPDATE OF state ON public.unit FOR EACH ROW \
         WHEN (new.state IS NOT NULL) EXECUTE FUNCTION public.fn_guard('a', 'b''c')",
        &[(GUARD, "events")],
    ).since(14),
    case(
        "another function is called",
        "CREATE OR REPLACE TRIGGER guard BEFORE INSERT OR UPDATE OF state ON public.unit FOR EACH ROW \
         WHEN (new.state IS NOT NULL) EXECUTE FUNCTION public.fn_other('a', 'b''c')",
        &[(GUARD, "function")],
    ).since(14),
    case(
        "the function gets something else",
        "CREATE OR REPLACE TRIGGER guard BEFORE INSERT OR UPDATE OF state ON public.unit FOR EACH ROW \
         WHEN (new.state IS NOT NULL) EXECUTE FUNCTION public.fn_guard('a')",
        &[(GUARD, "arguments")],
    ).since(14),
    case(
        "it fires once for a statement",
        "CREATE OR REPLACE TRIGGER guard BEFORE INSERT OR UPDATE OF state ON public.unit FOR EACH STATEMENT \
         EXECUTE FUNCTION public.fn_guard('a', 'b''c')",
        &[(GUARD, "level"), (GUARD, "when")],
    ).since(14),
    case(
        "the comment of a trigger goes",
        "COMMENT ON TRIGGER guard ON public.unit IS NULL",
        &[(GUARD, "comment")],
    ),
    case(
        "a constraint trigger cannot be put off",
        "DROP TRIGGER late ON public.unit; CREATE CONSTRAINT TRIGGER late AFTER INSERT ON public.unit FROM public.version \
         FOR EACH ROW EXECUTE FUNCTION public.fn_guard()",
        &[(LATE, "deferrable"), (LATE, "initially_deferred")],
    ),
    case(
        "a constraint trigger is about one table",
        "DROP TRIGGER late ON public.unit; CREATE CONSTRAINT TRIGGER late AFTER INSERT ON public.unit \
         DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.fn_guard()",
        &[(LATE, "referenced")],
    ),
    case(
        "it is no constraint trigger",
        "DROP TRIGGER late ON public.unit; \
         CREATE TRIGGER late AFTER INSERT ON public.unit FOR EACH ROW EXECUTE FUNCTION public.fn_guard()",
        &[
            (LATE, "constraint"),
            (LATE, "deferrable"),
            (LATE, "initially_deferred"),
            (LATE, "referenced"),
        ],
    ),
    case(
        "tables of rows have other names",
        "DROP TRIGGER many ON public.unit; CREATE TRIGGER many AFTER UPDATE ON public.unit \
         REFERENCING OLD TABLE AS x NEW TABLE AS y FOR EACH STATEMENT EXECUTE FUNCTION public.fn_guard()",
        &[(MANY, "old_table"), (MANY, "new_table"), (MANY, "definition")],
    ),
    case(
        "a trigger of a view goes",
        "DROP TRIGGER instead ON public.units",
        &[("pg_trigger.public.units.instead", "presence")],
    ),
    case(
        "a copy on a partition is disabled",
        "ALTER TABLE public.part_1 DISABLE TRIGGER parted",
        &[("pg_trigger.public.part_1.parted", "enabled")],
    ),
    case(
        "a copy on a partition is one no longer",
        "DROP TRIGGER parted ON public.part; \
         CREATE TRIGGER parted AFTER INSERT ON public.part_1 FOR EACH ROW EXECUTE FUNCTION public.fn_guard()",
        &[("pg_trigger.public.part_1.parted", "parent")],
    ),
    case(
        "a partition is detached",
        "ALTER TABLE public.part DETACH PARTITION public.part_1",
        &[("pg_trigger.public.part_1.parted", "presence")],
    ),
    case(
        "a foreign key holds for nobody",
        "ALTER TABLE public.version DISABLE TRIGGER ALL",
        &[
            (
                OF_VERSION,
                "RI_FKey_check_ins of constraint public.version.version_unit on public.version",
            ),
            (
                OF_VERSION,
                "RI_FKey_check_upd of constraint public.version.version_unit on public.version",
            ),
        ],
    ),
    case(
        "all triggers of the other table are disabled",
        "ALTER TABLE public.unit DISABLE TRIGGER ALL",
        &[
            (GUARD, "enabled"),
            (
                OF_UNIT,
                "RI_FKey_noaction_del of constraint public.version.version_unit on public.unit",
            ),
            (
                OF_UNIT,
                "RI_FKey_noaction_upd of constraint public.version.version_unit on public.unit",
            ),
        ],
    ),
    case(
        "a foreign key is switched off in the catalog",
        "UPDATE pg_catalog.pg_trigger SET tgenabled = 'D' WHERE tgfoid = 'pg_catalog.\"RI_FKey_check_ins\"()'::regprocedure",
        &[(
            OF_VERSION,
            "RI_FKey_check_ins of constraint public.version.version_unit on public.version",
        )],
    ),
    case(
        "a trigger whose name and function are hostile comes",
        "CREATE FUNCTION public.\"f\u{1b}[2J\"() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END'; \
         CREATE TRIGGER \"z\u{202e}z\" BEFORE INSERT ON public.unit FOR EACH ROW EXECUTE FUNCTION public.\"f\u{1b}[2J\"()",
        &[(OF_UNIT, "\"z\\u{202e}z\" on public.unit")],
    ),
    // Event triggers.
    case(
        "an event trigger is disabled",
        "ALTER EVENT TRIGGER watch DISABLE",
        &[(WATCH, "enabled")],
    ),
    case(
        "an event trigger fires always",
        "ALTER EVENT TRIGGER watch ENABLE ALWAYS",
        &[(WATCH, "enabled")],
    ),
    case(
        "an event trigger goes",
        "DROP EVENT TRIGGER watch",
        &[(WATCH, "presence"), (EVENTS, "watch")],
    ),
    case(
        "an event trigger comes",
        "CREATE EVENT TRIGGER other ON ddl_command_end EXECUTE FUNCTION public.fn_event()",
        &[(EVENTS, "other")],
    ),
    case(
        "an event trigger that shall not be there comes",
        "CREATE EVENT TRIGGER gone ON ddl_command_end EXECUTE FUNCTION public.fn_event()",
        &[("pg_event_trigger.gone", "presence"), (EVENTS, "gone")],
    ),
    case(
        "an event trigger has another owner",
        "ALTER EVENT TRIGGER watch OWNER TO functions_super",
        &[(WATCH, "owner")],
    ),
    case(
        "the comment of an event trigger",
        "COMMENT ON EVENT TRIGGER watch IS 'x'",
        &[(WATCH, "comment")],
    ),
    case(
        "an event trigger is about something else",
        "DROP EVENT TRIGGER watch; CREATE EVENT TRIGGER watch ON ddl_command_start WHEN TAG IN ('DROP TABLE', 'DROP VIEW') \
         EXECUTE FUNCTION public.fn_event_2(); COMMENT ON EVENT TRIGGER watch IS 'watches'",
        &[(WATCH, "event"), (WATCH, "tags"), (WATCH, "function")],
    ),
    // Quiet.
    case(
        "the same function is made again",
        "CREATE OR REPLACE FUNCTION public.fn_create(p_title text, p_parent uuid DEFAULT NULL) RETURNS jsonb \
         LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$\nBEGIN\n  \
         RETURN '{\"status\": \"created\"}';\nEND\n$$",
        &[],
    ),
    case(
        "functions and triggers are dropped and made again, in another order",
        "DROP TRIGGER many ON public.unit; DROP TRIGGER guard ON public.unit; DROP FUNCTION public.fn_other() CASCADE; \
         CREATE FUNCTION public.fn_other() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END'; \
         CREATE TRIGGER many AFTER UPDATE ON public.unit REFERENCING OLD TABLE AS o NEW TABLE AS n FOR EACH STATEMENT \
         EXECUTE FUNCTION public.fn_guard(); \
         CREATE TRIGGER guard BEFORE UPDATE OF state OR INSERT ON public.unit FOR EACH ROW \
         WHEN (new.state IS NOT NULL) EXECUTE FUNCTION public.fn_guard('a', 'b''c'); \
         COMMENT ON TRIGGER guard ON public.unit IS 'guards'",
        &[],
    ),
    case(
        "triggers are disabled and enabled again",
        "ALTER TABLE public.unit DISABLE TRIGGER ALL; ALTER TABLE public.unit ENABLE TRIGGER ALL",
        &[],
    ),
    case(
        "a change is rolled back",
        "BEGIN; ALTER FUNCTION public.fn_event() SET work_mem = '1MB'; ALTER TABLE public.unit DISABLE TRIGGER ALL; \
         DROP FUNCTION public.fn_create; ROLLBACK",
        &[],
    ),
    case("statistics are gathered", "ANALYZE public.unit", &[]),
    case("an index is built again", "REINDEX TABLE public.unit", &[]),
    case("catalogs are cleaned", "VACUUM pg_catalog.pg_proc", &[]),
    case("rows come", "INSERT INTO public.version VALUES (1, NULL)", &[]),
    case(
        "a function of an extension is made again",
        "CREATE OR REPLACE FUNCTION public.gen_salt(text) RETURNS text LANGUAGE c STRICT AS '$libdir/pgcrypto', 'pg_gen_salt'",
        &[],
    ),
    case(
        "an extension comes, goes and comes",
        "DROP EXTENSION pgcrypto; CREATE EXTENSION pgcrypto; CREATE SCHEMA more; CREATE EXTENSION btree_gist SCHEMA more",
        &[],
    ),
    case(
        "a function elsewhere",
        "CREATE SCHEMA more; CREATE FUNCTION more.fn_x() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        &[],
    ),
    case(
        "a trigger on another table",
        "CREATE TRIGGER zz BEFORE INSERT ON public.part_1 FOR EACH ROW EXECUTE FUNCTION public.fn_other()",
        &[],
    ),
    case(
        "grants come and go",
        "GRANT EXECUTE ON FUNCTION public.fn_create TO functions_other; \
         REVOKE EXECUTE ON FUNCTION public.fn_create FROM functions_other",
        &[],
    ),
    cluster(
        "a role of no concern comes",
        "CREATE ROLE functions_third",
        "DROP ROLE functions_third",
        &[],
    ),
];

/// What PostgreSQL keeps only the meaning of.
pub(crate) const STANDARD: Group = Group {
    name: "standard",
    title: "Functions with an SQL-standard body",
    setup: "CREATE TABLE public.unit (id int); CREATE TABLE public.other (id int); \
        CREATE FUNCTION public.fn_standard() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM public.unit; END",
    desired: r#"
[pg_function."public.fn_standard()"]
database = "lab"
body = """
BEGIN ATOMIC
 SELECT count(*) AS count
    FROM public.unit;
END"""
"#,
    cases: &[
        case(
            "an SQL-standard body is another",
            "CREATE OR REPLACE FUNCTION public.fn_standard() RETURNS bigint LANGUAGE sql \
             BEGIN ATOMIC SELECT count(*) FROM public.other; END",
            &[(STANDARD_ONE, "body")],
        ),
        case(
            "a table that an SQL-standard body names has another name",
            "ALTER TABLE public.unit RENAME TO unit_2",
            &[(STANDARD_ONE, "body")],
        ),
        case(
            "an SQL-standard body is written in other words",
            "CREATE OR REPLACE FUNCTION public.fn_standard() RETURNS bigint LANGUAGE sql \
             BEGIN ATOMIC  select COUNT(*)  from unit ; END",
            &[],
        ),
    ],
};

const STANDARD_ONE: &str = "pg_function.public.fn_standard()";
