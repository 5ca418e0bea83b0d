//! A whole schema: whatever class of objects something happens to, exactly that object is named.

use super::{Case, Group, case, cluster};

pub(crate) const GROUP: Group = Group {
    name: "schema",
    title: "Everything in a schema",
    setup: SETUP,
    desired: "[pg_schema.public]\ndatabase = \"lab\"\nmanifest = \"manifests/public.schema\"\n",
    cases: CASES,
};

const SETUP: &str = "
CREATE ROLE schema_owner; CREATE ROLE schema_app;
CREATE TABLE public.unit (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, title text NOT NULL DEFAULT 'x',
    state text CONSTRAINT known CHECK (state <> ''), size int);
CREATE TABLE public.version (id int PRIMARY KEY, unit bigint CONSTRAINT version_unit REFERENCES public.unit);
CREATE TABLE public.part (n int) PARTITION BY RANGE (n);
CREATE TABLE public.part_1 PARTITION OF public.part FOR VALUES FROM (0) TO (9);
ALTER TABLE public.unit ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON public.unit TO schema_app USING (size > 1);
CREATE STATISTICS public.unit_sizes ON state, size FROM public.unit;
CREATE INDEX unit_state ON public.unit (state) WHERE state IS NOT NULL;
CREATE FUNCTION public.fn_guard() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
CREATE FUNCTION public.fn_one(a int) RETURNS int LANGUAGE sql STABLE AS 'SELECT a';
CREATE PROCEDURE public.fn_do() LANGUAGE plpgsql AS 'BEGIN NULL; END';
CREATE AGGREGATE public.fn_sum(int) (SFUNC = int4pl, STYPE = int, INITCOND = '0');
CREATE TRIGGER guard BEFORE UPDATE ON public.unit FOR EACH ROW EXECUTE FUNCTION public.fn_guard();
CREATE VIEW public.units AS SELECT id, title FROM public.unit;
CREATE RULE loud AS ON INSERT TO public.version DO ALSO NOTIFY loud;
CREATE MATERIALIZED VIEW public.sums AS SELECT sum(size) AS size FROM public.unit;
CREATE SEQUENCE public.numbers;
CREATE TYPE public.mood AS ENUM ('well', 'ill'); CREATE TYPE public.pair AS (a int, b int);
CREATE TYPE public.span AS RANGE (subtype = float8);
CREATE DOMAIN public.word AS text CONSTRAINT filled CHECK (VALUE <> '');
CREATE COLLATION public.plain (provider = libc, locale = 'C');
CREATE OPERATOR public.=== (LEFTARG = int, RIGHTARG = int, FUNCTION = int4eq);
CREATE TEXT SEARCH DICTIONARY public.words (TEMPLATE = simple);
CREATE EXTENSION pgcrypto;
GRANT SELECT ON public.unit TO schema_app; GRANT UPDATE (title) ON public.unit TO schema_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO schema_app;
CREATE SCHEMA elsewhere; CREATE TABLE elsewhere.t (n int);
";

const SCHEMA: &str = "pg_schema.public";
const UNIT: (&str, &str) = (SCHEMA, "table public.unit");
const GUARD: (&str, &str) = (SCHEMA, "trigger guard on public.unit");
const STATE: (&str, &str) = (SCHEMA, "index unit_state on public.unit");
const ONE: (&str, &str) = (SCHEMA, "function public.fn_one(integer)");
const NUMBERS: (&str, &str) = (SCHEMA, "sequence public.numbers");

const CASES: &[Case] = &[
    case(
        "schema: a body is replaced",
        "CREATE OR REPLACE FUNCTION public.fn_one(a int) RETURNS int LANGUAGE sql STABLE AS 'SELECT 1'",
        &[ONE],
    ),
    case(
        "schema: a function gets the rights of its owner",
        "ALTER FUNCTION public.fn_one(int) SECURITY DEFINER",
        &[ONE],
    ),
    case(
        "schema: a body is edited in the catalog",
        "UPDATE pg_proc SET prosrc = 'SELECT 2' WHERE proname = 'fn_one'",
        &[ONE],
    ),
    case(
        "schema: a function changes hands",
        "ALTER FUNCTION public.fn_one(int) OWNER TO schema_owner",
        &[ONE],
    ),
    case(
        "schema: a procedure is replaced",
        "CREATE OR REPLACE PROCEDURE public.fn_do() LANGUAGE plpgsql AS 'BEGIN END'",
        &[(SCHEMA, "function public.fn_do()")],
    ),
    case(
        "schema: an aggregate begins elsewhere",
        "UPDATE pg_aggregate SET agginitval = '1' WHERE aggfnoid = 'public.fn_sum(int)'::regprocedure",
        &[(SCHEMA, "function public.fn_sum(integer)")],
    ),
    case(
        "schema: an overload comes",
        "CREATE FUNCTION public.fn_one(a text) RETURNS int LANGUAGE sql AS 'SELECT 1'",
        &[
            (SCHEMA, "function public.fn_one(text)"),
            (SCHEMA, "grant EXECUTE on function public.fn_one(text) to PUBLIC"),
        ],
    ),
    case(
        "schema: a trigger is disabled",
        "ALTER TABLE public.unit DISABLE TRIGGER guard",
        &[GUARD],
    ),
    case(
        "schema: a trigger always fires",
        "ALTER TABLE public.unit ENABLE ALWAYS TRIGGER guard",
        &[GUARD],
    ),
    case("schema: a trigger is dropped", "DROP TRIGGER guard ON public.unit", &[GUARD]),
    case(
        "schema: the triggers of a foreign key are disabled",
        "ALTER TABLE public.version DISABLE TRIGGER ALL",
        &[
            (
                SCHEMA,
                "trigger RI_FKey_check_ins of constraint public.version.version_unit on public.version",
            ),
            (
                SCHEMA,
                "trigger RI_FKey_check_upd of constraint public.version.version_unit on public.version",
            ),
        ],
    ),
    case(
        "schema: a default changes",
        "ALTER TABLE public.unit ALTER title SET DEFAULT 'y'",
        &[UNIT],
    ),
    case(
        "schema: a column has another type",
        "ALTER TABLE public.version ALTER id TYPE bigint",
        &[(SCHEMA, "table public.version")],
    ),
    case("schema: a column comes", "ALTER TABLE public.unit ADD more text", &[UNIT]),
    case(
        "schema: a check is dropped",
        "ALTER TABLE public.unit DROP CONSTRAINT known",
        &[(SCHEMA, "constraint known on public.unit")],
    ),
    case(
        "schema: a foreign key is not validated",
        "UPDATE pg_constraint SET convalidated = false WHERE conname = 'version_unit'",
        &[(SCHEMA, "constraint version_unit on public.version")],
    ),
    case("schema: a table has options", "ALTER TABLE public.unit SET (fillfactor = 70)", &[UNIT]),
    case(
        "schema: a table tells replicas all",
        "ALTER TABLE public.unit REPLICA IDENTITY FULL",
        &[UNIT],
    ),
    case("schema: a table has a comment", "COMMENT ON TABLE public.unit IS 'x'", &[UNIT]),
    case("schema: a column has a comment", "COMMENT ON COLUMN public.unit.id IS 'x'", &[UNIT]),
    case("schema: extended statistics are dropped", "DROP STATISTICS public.unit_sizes", &[UNIT]),
    case(
        "schema: row security is switched off",
        "ALTER TABLE public.unit DISABLE ROW LEVEL SECURITY",
        &[UNIT],
    ),
    case(
        "schema: a policy says something else",
        "ALTER POLICY own ON public.unit USING (true)",
        &[UNIT],
    ),
    case("schema: a policy is about others", "ALTER POLICY own ON public.unit TO PUBLIC", &[UNIT]),
    case(
        "schema: a rule is dropped",
        "DROP RULE loud ON public.version",
        &[(SCHEMA, "table public.version")],
    ),
    case(
        "schema: an index is not valid",
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'public.unit_state'::regclass",
        &[STATE],
    ),
    case(
        "schema: an index comes",
        "CREATE INDEX more ON public.unit (size)",
        &[(SCHEMA, "index more on public.unit")],
    ),
    case("schema: an index is dropped", "DROP INDEX public.unit_state", &[STATE]),
    case(
        "schema: a view says something else",
        "CREATE OR REPLACE VIEW public.units AS SELECT id, upper(title) AS title FROM public.unit",
        &[(SCHEMA, "view public.units")],
    ),
    case(
        "schema: a materialized view is emptied",
        "REFRESH MATERIALIZED VIEW public.sums WITH NO DATA",
        &[(SCHEMA, "view public.sums")],
    ),
    case(
        "schema: a sequence has another step",
        "ALTER SEQUENCE public.numbers INCREMENT 2",
        &[NUMBERS],
    ),
    case(
        "schema: a sequence gets a column",
        "ALTER SEQUENCE public.numbers OWNED BY public.unit.size",
        &[NUMBERS],
    ),
    case(
        "schema: a label comes",
        "ALTER TYPE public.mood ADD VALUE 'so-so'",
        &[(SCHEMA, "type public.mood")],
    ),
    case(
        "schema: a composite type grows",
        "ALTER TYPE public.pair ADD ATTRIBUTE c int",
        &[(SCHEMA, "type public.pair")],
    ),
    case(
        "schema: a domain checks nothing",
        "ALTER DOMAIN public.word DROP CONSTRAINT filled",
        &[(SCHEMA, "type public.word")],
    ),
    case(
        "schema: a collation changes hands",
        "ALTER COLLATION public.plain OWNER TO schema_owner",
        &[(SCHEMA, "collation public.plain (UTF8)")],
    ),
    case(
        "schema: an operator is dropped",
        "DROP OPERATOR public.=== (int, int)",
        &[(SCHEMA, "operator public.\"===\" (integer, integer)")],
    ),
    case(
        "schema: a dictionary has options",
        "ALTER TEXT SEARCH DICTIONARY public.words (accept = false)",
        &[(SCHEMA, "text search dictionary public.words")],
    ),
    case(
        "schema: a table is granted",
        "GRANT DELETE ON public.unit TO schema_app",
        &[(SCHEMA, "grant DELETE on public.unit to schema_app")],
    ),
    case(
        "schema: a column is no longer granted",
        "REVOKE UPDATE (title) ON public.unit FROM schema_app",
        &[(SCHEMA, "grant UPDATE (title) on public.unit to schema_app")],
    ),
    case(
        "schema: a function is for nobody",
        "REVOKE EXECUTE ON FUNCTION public.fn_one(int) FROM PUBLIC",
        &[(SCHEMA, "grant EXECUTE on function public.fn_one(integer) to PUBLIC")],
    ),
    case(
        "schema: the schema is granted",
        "GRANT CREATE ON SCHEMA public TO schema_app",
        &[(SCHEMA, "grant CREATE on schema public to schema_app")],
    ),
    case(
        "schema: what is granted on future tables",
        "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT INSERT ON TABLES TO schema_app",
        &[(SCHEMA, "grant INSERT on future tables of postgres in schema public to schema_app")],
    ),
    // What is granted on future tables is granted on this one.
    case(
        "schema: a table comes",
        "CREATE TABLE public.more (n int)",
        &[(SCHEMA, "table public.more"), (SCHEMA, "grant SELECT on public.more to schema_app")],
    ),
    // What belongs to an extension is not described, and nothing can hide in it.
    case(
        "schema: an extension's function changes hands",
        "ALTER FUNCTION public.digest(text, text) OWNER TO schema_owner",
        &[(SCHEMA, "function public.digest(text, text)")],
    ),
    case(
        "schema: an extension's function is another",
        "CREATE OR REPLACE FUNCTION public.crypt(text, text) RETURNS text LANGUAGE sql AS 'SELECT NULL::text'",
        &[(SCHEMA, "function public.crypt(text, text)")],
    ),
    case(
        "schema: a function hides in an extension",
        "CREATE FUNCTION public.hidden() RETURNS int LANGUAGE sql AS 'SELECT 1'; \
         REVOKE EXECUTE ON FUNCTION public.hidden() FROM PUBLIC; \
         ALTER EXTENSION pgcrypto ADD FUNCTION public.hidden()",
        &[(SCHEMA, "function public.hidden()")],
    ),
    case(
        "schema: a function that was listed hides in an extension",
        "ALTER EXTENSION pgcrypto ADD FUNCTION public.fn_one(int)",
        &[
            (SCHEMA, "function public.fn_one(integer)"),
            (SCHEMA, "grant EXECUTE on function public.fn_one(integer) to PUBLIC"),
        ],
    ),
    // A rename is one object that is gone and one that is new.
    case(
        "schema: a sequence is renamed",
        "ALTER SEQUENCE public.numbers RENAME TO counts",
        &[NUMBERS, (SCHEMA, "sequence public.counts")],
    ),
    // Quiet.
    case(
        "schema: the same function again",
        "CREATE OR REPLACE FUNCTION public.fn_one(a int) RETURNS int LANGUAGE sql STABLE AS 'SELECT a'",
        &[],
    ),
    case(
        "schema: taken away and granted again",
        "REVOKE SELECT ON public.unit FROM schema_app; GRANT SELECT ON public.unit TO schema_app",
        &[],
    ),
    case(
        "schema: rows come",
        "INSERT INTO public.unit (title) VALUES ('a'); INSERT INTO public.part VALUES (1); ANALYZE",
        &[],
    ),
    case("schema: an index is built again", "REINDEX TABLE public.unit", &[]),
    case(
        "schema: a column comes and goes",
        "ALTER TABLE public.unit ADD gone int; ALTER TABLE public.unit DROP gone",
        &[],
    ),
    case(
        "schema: something happens elsewhere",
        "ALTER TABLE elsewhere.t ADD m int; CREATE SCHEMA more",
        &[],
    ),
    case("schema: a number is taken", "SELECT nextval('public.numbers')", &[]),
    cluster("schema: a role comes", "CREATE ROLE schema_other", "DROP ROLE schema_other", &[]),
];
