//! Views, sequences, types, fingerprints, and tables that grow.

use super::{Group, case, cluster};

pub(crate) const GROUP: Group = Group {
    name: "objects",
    title: "Views, sequences, types and rows",
    setup: "CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY, name text, at timestamptz); \
        INSERT INTO t (name, at) VALUES ('a', '2026-05-16 00:00:00+00'), ('b', NULL), (NULL, NULL); \
        CREATE VIEW v WITH (security_barrier, check_option = local) AS SELECT id, name FROM t WHERE id > 0; \
        CREATE VIEW writable AS SELECT name FROM t; \
        CREATE RULE quiet AS ON DELETE TO writable DO INSTEAD NOTHING; COMMENT ON VIEW v IS 'first'; \
        CREATE TABLE u (n int); CREATE VIEW pair AS SELECT t.id, u.n FROM t, u WHERE t.id = u.n; \
        CREATE MATERIALIZED VIEW m WITH (fillfactor = 70) AS SELECT id FROM t; \
        CREATE SEQUENCE s AS integer START 10 INCREMENT 2 MINVALUE 2 MAXVALUE 1000 CACHE 1; SELECT nextval('s'); \
        COMMENT ON SEQUENCE s IS 'numbers'; \
        CREATE TYPE mood AS ENUM ('sad', 'ok', 'fine'); COMMENT ON TYPE mood IS 'how it is'; \
        CREATE DOMAIN positive AS integer DEFAULT 1 NOT NULL CONSTRAINT above CHECK (VALUE > 0); \
        CREATE DOMAIN word AS text COLLATE \"C\"; \
        CREATE TYPE address AS (street text, number integer); \
        CREATE TYPE span AS RANGE (subtype = float8, subtype_diff = float8mi); \
        CREATE TABLE config (key text PRIMARY KEY, value text); \
        INSERT INTO config VALUES ('a', '1'), ('b', NULL), ('c', ''); \
        CREATE TABLE outbox (n int) PARTITION BY RANGE (n); CREATE TABLE outbox_1 PARTITION OF outbox DEFAULT; \
        INSERT INTO outbox SELECT generate_series(1, 100); \
        DO $$ BEGIN CREATE ROLE objects_writer; CREATE ROLE objects_member IN ROLE objects_writer; CREATE ROLE objects_other; \
            CREATE ROLE objects_owner; END $$; \
        ALTER TABLE outbox OWNER TO objects_owner; GRANT INSERT ON outbox TO objects_writer; \
        GRANT SELECT ON ALL TABLES IN SCHEMA public TO OBSERVER; GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO OBSERVER",
    desired: DESIRED,
    cases: CASES,
};

const DESIRED: &str = r#"
[pg_view."public.v"]
database = "lab"
materialized = false
columns = ["id integer", "name text"]
owner = "postgres"
security_barrier = true
security_invoker = false
check_option = "local"
options = []
rules = {}
comment = "first"

[pg_view."public.pair"]
database = "lab"
definition = """
SELECT t.id,
    u.n
   FROM public.t,
    public.u
  WHERE (t.id = u.n)
"""

[pg_view."public.writable"]
database = "lab"
[pg_view."public.writable".rules]
quiet = """CREATE RULE quiet AS
    ON DELETE TO public.writable DO INSTEAD NOTHING"""

[pg_view."public.m"]
database = "lab"
materialized = true
options = ["fillfactor=70"]
populated = true
columns = ["id integer"]

[pg_view."public.gone"]
database = "lab"
present = false

[pg_view."public.*"]
database = "lab"
only = ["public.m", "public.pair", "public.v", "public.writable"]

[pg_sequence."public.s"]
database = "lab"
type = "integer"
start = 10
increment = 2
min = 2
max = 1000
cache = 1
cycle = false
owned_by = ""
identity = false
owner = "postgres"
persistence = "permanent"
comment = "numbers"

[pg_sequence."lab:public.s"]
database = "lab"
last_value_at_least = 10
last_value_at_most = 500
used_at_most = "40%"

[pg_sequence."public.*"]
database = "lab"
only = ["public.s", "public.t_id_seq"]

[pg_type."public.mood"]
database = "lab"
labels = ["sad", "ok", "fine"]
owner = "postgres"
comment = "how it is"

[pg_type."public.positive"]
database = "lab"
base = "integer"
default = "1"
not_null = true
checks = { above = "(VALUE > 0)" }

[pg_type."public.word"]
database = "lab"
kind = "domain"
collation = 'pg_catalog."C"'

[pg_type."public.address"]
database = "lab"
attributes = ["street text", "number integer"]

[pg_type."public.span"]
database = "lab"
subtype = "double precision"
subtype_opclass = "pg_catalog.float8_ops"
subtype_diff = "float8mi"
canonical = ""
collation = ""

[pg_type."public.*"]
database = "lab"
only = ["public.address", "public.mood", "public.positive", "public.span", "public.word"]

[fingerprint.config]
database = "lab"
table = "public.config"
sha256 = "cf64c5a69eddcb5573b014c4e7ff8a802293fa0a2eb62eb234e9f9930772b0a0"

[fingerprint.keys]
database = "lab"
sql = "SELECT key FROM public.config ORDER BY key"
ordered = true
sha256 = "422d646fe1f1c92ad1b9f0d62305b91363c9a0e8417dba54137e2840a5739880"

[row_count."public.outbox"]
database = "lab"
growth = { from = 100, since = "2020-01-01T00:00:00Z", at_most_per_day = 1, writers = ["objects_writer", "objects_member", "objects_owner"] }
"#;

const CASES: &[super::Case] = &[
    // Views.
    case(
        "a view has another query",
        "CREATE OR REPLACE VIEW pair AS SELECT t.id, u.n FROM t, u WHERE t.id > u.n",
        &[("pg_view.public.pair", "definition")],
    ),
    case(
        "a view loses a column",
        "DROP VIEW v; CREATE VIEW v WITH (security_barrier, check_option = local) AS \
        SELECT id FROM t WHERE id > 0; COMMENT ON VIEW v IS 'first'",
        &[("pg_view.public.v", "columns.name")],
    ),
    case(
        "a column of a view is renamed",
        "ALTER VIEW v RENAME name TO other",
        &[("pg_view.public.v", "columns.name"), ("pg_view.public.v", "columns.other")],
    ),
    case(
        "the columns of a view change places",
        "DROP VIEW v; CREATE VIEW v WITH (security_barrier, check_option = local) AS \
        SELECT name, id FROM t WHERE id > 0; COMMENT ON VIEW v IS 'first'",
        &[("pg_view.public.v", "columns")],
    ),
    case(
        "a column of its table is renamed",
        "ALTER TABLE u RENAME n TO other",
        &[("pg_view.public.pair", "definition")],
    ),
    case(
        "a view has another owner",
        "ALTER VIEW v OWNER TO objects_other",
        &[("pg_view.public.v", "owner")],
    ),
    case(
        "a view is no barrier",
        "ALTER VIEW v SET (security_barrier = off)",
        &[("pg_view.public.v", "security_barrier")],
    ),
    case(
        "a view asks as who asks",
        "ALTER VIEW v SET (security_invoker = yes)",
        &[("pg_view.public.v", "security_invoker")],
    )
    .since(15),
    case(
        "a view checks more",
        "ALTER VIEW v SET (check_option = cascaded)",
        &[("pg_view.public.v", "check_option")],
    ),
    case(
        "a view checks nothing",
        "ALTER VIEW v RESET (check_option)",
        &[("pg_view.public.v", "check_option")],
    ),
    case(
        "a view has another comment",
        "COMMENT ON VIEW v IS 'second'",
        &[("pg_view.public.v", "comment")],
    ),
    case(
        "a view has a rule",
        "CREATE RULE more AS ON INSERT TO v DO INSTEAD NOTHING",
        &[("pg_view.public.v", "rules.more")],
    ),
    case(
        "a rule does something else",
        "CREATE OR REPLACE RULE quiet AS ON DELETE TO writable DO INSTEAD DELETE FROM t",
        &[("pg_view.public.writable", "rules.quiet")],
    ),
    case(
        "a rule is gone",
        "DROP RULE quiet ON writable",
        &[("pg_view.public.writable", "rules.quiet")],
    ),
    case(
        "a rule is disabled",
        "UPDATE pg_rewrite SET ev_enabled = 'D' WHERE rulename = 'quiet'",
        &[("pg_view.public.writable", "rules.quiet.enabled")],
    ),
    case(
        "a view is gone",
        "DROP VIEW v",
        &[("pg_view.public.v", "presence"), ("pg_view.public.*", "public.v")],
    ),
    case(
        "a view comes back",
        "CREATE VIEW gone AS SELECT 1 AS n",
        &[("pg_view.public.gone", "presence"), ("pg_view.public.*", "public.gone")],
    ),
    case(
        "a materialized view is emptied",
        "REFRESH MATERIALIZED VIEW m WITH NO DATA",
        &[("pg_view.public.m", "populated")],
    ),
    case(
        "a materialized view has another option",
        "ALTER MATERIALIZED VIEW m SET (fillfactor = 80)",
        &[("pg_view.public.m", "options.fillfactor")],
    ),
    case(
        "a materialized view has an option more",
        "ALTER MATERIALIZED VIEW m SET (autovacuum_enabled = off)",
        &[("pg_view.public.m", "options.autovacuum_enabled")],
    ),
    case(
        "a materialized view becomes a view",
        "DROP MATERIALIZED VIEW m; CREATE VIEW m AS SELECT id FROM t",
        &[("pg_view.public.m", "materialized"), ("pg_view.public.m", "options.fillfactor")],
    ),
    // Sequences.
    case(
        "a sequence has another step",
        "ALTER SEQUENCE s INCREMENT 3",
        &[("pg_sequence.public.s", "increment")],
    ),
    case(
        "a sequence has a larger cache",
        "ALTER SEQUENCE s CACHE 20",
        &[("pg_sequence.public.s", "cache")],
    ),
    case("a sequence begins again", "ALTER SEQUENCE s CYCLE", &[("pg_sequence.public.s", "cycle")]),
    case(
        "a sequence has other bounds",
        "ALTER SEQUENCE s MINVALUE 1 MAXVALUE 2000",
        &[("pg_sequence.public.s", "min"), ("pg_sequence.public.s", "max")],
    ),
    case(
        "a sequence starts elsewhere",
        "ALTER SEQUENCE s START 12",
        &[("pg_sequence.public.s", "start")],
    ),
    case(
        "a sequence has a wider type",
        "ALTER SEQUENCE s AS bigint",
        &[("pg_sequence.public.s", "type")],
    ),
    case(
        "a sequence belongs to a column",
        "ALTER SEQUENCE s OWNED BY t.id",
        &[("pg_sequence.public.s", "owned_by")],
    ),
    case(
        "a sequence has another owner",
        "ALTER SEQUENCE s OWNER TO objects_other",
        &[("pg_sequence.public.s", "owner")],
    ),
    case(
        "a sequence is not logged",
        "ALTER SEQUENCE s SET UNLOGGED",
        &[("pg_sequence.public.s", "persistence")],
    )
    .since(15),
    case(
        "a sequence has no comment",
        "COMMENT ON SEQUENCE s IS NULL",
        &[("pg_sequence.public.s", "comment")],
    ),
    case(
        "a sequence is used up",
        "SELECT setval('s', 500)",
        &[("pg_sequence.lab:public.s", "used_at_most")],
    ),
    case(
        "a sequence is far",
        "SELECT setval('s', 502)",
        &[
            ("pg_sequence.lab:public.s", "used_at_most"),
            ("pg_sequence.lab:public.s", "last_value_at_most"),
        ],
    ),
    case(
        "a sequence is set back",
        "SELECT setval('s', 4)",
        &[("pg_sequence.lab:public.s", "last_value_at_least")],
    ),
    case(
        "a sequence is restarted",
        "ALTER SEQUENCE s RESTART",
        &[("pg_sequence.lab:public.s", "last_value_at_least")],
    ),
    case("a sequence more", "CREATE SEQUENCE more", &[("pg_sequence.public.*", "public.more")]),
    // Types.
    case(
        "a label more",
        "ALTER TYPE mood ADD VALUE 'great'",
        &[("pg_type.public.mood", "labels.great")],
    ),
    case(
        "a label is renamed",
        "ALTER TYPE mood RENAME VALUE 'ok' TO 'okay'",
        &[("pg_type.public.mood", "labels.ok"), ("pg_type.public.mood", "labels.okay")],
    ),
    case(
        "a label moves",
        "UPDATE pg_enum SET enumsortorder = 9 WHERE enumlabel = 'sad'",
        &[("pg_type.public.mood", "labels")],
    ),
    case(
        "a type has another owner",
        "ALTER TYPE mood OWNER TO objects_other",
        &[("pg_type.public.mood", "owner")],
    ),
    case(
        "a type has another comment",
        "COMMENT ON TYPE mood IS 'x'",
        &[("pg_type.public.mood", "comment")],
    ),
    case(
        "a domain takes NULL",
        "ALTER DOMAIN positive DROP NOT NULL",
        &[("pg_type.public.positive", "not_null")],
    ),
    case(
        "a domain has another default",
        "ALTER DOMAIN positive SET DEFAULT 2",
        &[("pg_type.public.positive", "default")],
    ),
    case(
        "a domain has no default",
        "ALTER DOMAIN positive DROP DEFAULT",
        &[("pg_type.public.positive", "default")],
    ),
    case(
        "a domain has a check less",
        "ALTER DOMAIN positive DROP CONSTRAINT above",
        &[("pg_type.public.positive", "checks.above")],
    ),
    case(
        "a domain has a check more",
        "ALTER DOMAIN positive ADD CONSTRAINT below CHECK (VALUE < 9)",
        &[("pg_type.public.positive", "checks.below")],
    ),
    case(
        "a check is another",
        "ALTER DOMAIN positive DROP CONSTRAINT above; ALTER DOMAIN positive ADD CONSTRAINT above \
        CHECK (VALUE > 5) NOT VALID",
        &[
            ("pg_type.public.positive", "checks.above"),
            ("pg_type.public.positive", "checks.above.validated"),
        ],
    ),
    case(
        "a domain is of another type",
        "DROP DOMAIN positive; CREATE DOMAIN positive AS bigint DEFAULT 1 NOT NULL \
        CONSTRAINT above CHECK (VALUE > 0)",
        &[("pg_type.public.positive", "base")],
    ),
    case(
        "a domain has another collation",
        "DROP DOMAIN word; CREATE DOMAIN word AS text",
        &[("pg_type.public.word", "collation")],
    ),
    case(
        "an attribute more",
        "ALTER TYPE address ADD ATTRIBUTE city text",
        &[("pg_type.public.address", "attributes.city")],
    ),
    case(
        "an attribute of another type",
        "ALTER TYPE address ALTER ATTRIBUTE number TYPE bigint",
        &[("pg_type.public.address", "attributes.number")],
    ),
    case(
        "an attribute less",
        "ALTER TYPE address DROP ATTRIBUTE street",
        &[("pg_type.public.address", "attributes.street")],
    ),
    case(
        "a range without a distance",
        "DROP TYPE span; CREATE TYPE span AS RANGE (subtype = float8)",
        &[("pg_type.public.span", "subtype_diff")],
    ),
    case(
        "a range of another type",
        "DROP TYPE span; CREATE TYPE span AS RANGE (subtype = text, collation = \"C\")",
        &[
            ("pg_type.public.span", "subtype"),
            ("pg_type.public.span", "subtype_opclass"),
            ("pg_type.public.span", "subtype_diff"),
            ("pg_type.public.span", "collation"),
        ],
    ),
    case(
        "a type becomes another",
        "DROP TYPE address; CREATE DOMAIN address AS text",
        &[("pg_type.public.address", "kind")],
    ),
    case(
        "a type is gone",
        "DROP TYPE mood",
        &[("pg_type.public.mood", "presence"), ("pg_type.public.*", "public.mood")],
    ),
    // Rows.
    case(
        "a row is inserted",
        "INSERT INTO config VALUES ('d', NULL)",
        &[("fingerprint.config", "sha256"), ("fingerprint.keys", "sha256")],
    ),
    case(
        "a row is changed",
        "UPDATE config SET value = '2' WHERE key = 'a'",
        &[("fingerprint.config", "sha256")],
    ),
    case(
        "NULL becomes an empty text",
        "UPDATE config SET value = '' WHERE key = 'b'",
        &[("fingerprint.config", "sha256")],
    ),
    case(
        "a value moves to another row",
        "UPDATE config SET value = CASE key WHEN 'a' THEN NULL WHEN 'b' THEN '1' ELSE value END",
        &[("fingerprint.config", "sha256")],
    ),
    case(
        "a column is renamed",
        "ALTER TABLE config RENAME value TO other",
        &[("fingerprint.config", "sha256")],
    ),
    case(
        "a table grows too fast",
        "INSERT INTO outbox SELECT generate_series(1, 100000)",
        &[("row_count.public.outbox", "growth.at_most_per_day")],
    ),
    case(
        "a table shrinks",
        "DELETE FROM outbox WHERE n = 5",
        &[("row_count.public.outbox", "growth.from")],
    ),
    case(
        "a writer more",
        "GRANT DELETE ON outbox TO objects_other",
        &[("row_count.public.outbox", "growth.writers.objects_other")],
    ),
    case(
        "a writer of a column",
        "GRANT UPDATE (n) ON outbox TO objects_other",
        &[("row_count.public.outbox", "growth.writers.objects_other")],
    ),
    case(
        "a writer of a partition",
        "GRANT TRUNCATE ON outbox_1 TO objects_other",
        &[("row_count.public.outbox", "growth.writers.objects_other")],
    ),
    case(
        "everybody writes",
        "GRANT INSERT ON outbox TO PUBLIC",
        &[("row_count.public.outbox", "growth.writers.PUBLIC")],
    ),
    case(
        "another owner",
        "ALTER TABLE outbox OWNER TO objects_other",
        &[("row_count.public.outbox", "growth.writers.objects_other")],
    ),
    cluster(
        "a member more",
        "GRANT objects_writer TO objects_other",
        "REVOKE objects_writer FROM objects_other",
        &[("row_count.public.outbox", "growth.writers.objects_other")],
    ),
    cluster(
        "a member of a member",
        "GRANT objects_member TO objects_other",
        "REVOKE objects_member FROM objects_other",
        &[("row_count.public.outbox", "growth.writers.objects_other")],
    ),
    cluster(
        "a role that writes everything",
        "GRANT pg_write_all_data TO objects_other",
        "REVOKE pg_write_all_data FROM objects_other",
        &[("row_count.public.outbox", "growth.writers.objects_other")],
    )
    .since(14),
    // What is no difference.
    case(
        "a materialized view is refreshed",
        "INSERT INTO t (name) VALUES ('x'); REFRESH MATERIALIZED VIEW m",
        &[],
    ),
    case(
        "a view is created again",
        "DROP VIEW pair; CREATE VIEW pair AS select t.id, u.n from public.t, public.u where (t.id = u.n)",
        &[],
    ),
    case(
        "the options of a view change places",
        "ALTER VIEW v RESET (security_barrier, check_option); \
        ALTER VIEW v SET (check_option = LOCAL, security_barrier = on)",
        &[],
    ),
    case("numbers are taken", "SELECT nextval('s') FROM generate_series(1, 20)", &[]),
    case(
        "the rows lie elsewhere",
        "UPDATE config SET value = value; CLUSTER config USING config_pkey",
        &[],
    ),
    case(
        "the columns stand in another order",
        "CREATE TABLE other (value text, key text); INSERT INTO other SELECT value, key FROM config \
        ORDER BY key DESC; DROP TABLE config; ALTER TABLE other RENAME TO config; GRANT SELECT ON config TO OBSERVER",
        &[],
    ),
    case(
        "a column came and went",
        "ALTER TABLE config ADD extra int; ALTER TABLE config DROP extra",
        &[],
    ),
    case("a table grows as it may", "INSERT INTO outbox SELECT generate_series(1, 500)", &[]),
    case(
        "rights come and go",
        "GRANT DELETE ON outbox TO objects_other; REVOKE DELETE ON outbox FROM objects_other",
        &[],
    ),
    case(
        "somebody may read",
        "GRANT SELECT ON outbox TO objects_other; GRANT REFERENCES ON outbox TO objects_other",
        &[],
    ),
    case("the table is analyzed", "ANALYZE; REINDEX TABLE config", &[]),
    case("an array type and a row type come", "CREATE TABLE more (a mood[])", &[]),
];

/// What comes with a range since PostgreSQL 14.
pub(crate) const MULTIRANGES: Group = Group {
    name: "multiranges",
    title: "Multiranges",
    setup: "CREATE TYPE span AS RANGE (subtype = float8)",
    desired: "[pg_type.\"public.span\"]\ndatabase = \"lab\"\nmultirange = \"public.span_multirange\"\n",
    cases: &[case(
        "the multirange of a range gets another name",
        "ALTER TYPE span_multirange RENAME TO spans",
        &[("pg_type.public.span", "multirange")],
    )],
};
