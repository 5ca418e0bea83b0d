//! Tables, indexes and constraints.

use super::{Group, case};

const SETUP: &str = "CREATE ROLE tables_app; CREATE ROLE tables_other; \
    CREATE FOREIGN DATA WRAPPER nowhere; CREATE SERVER far FOREIGN DATA WRAPPER nowhere; \
    CREATE SERVER near FOREIGN DATA WRAPPER nowhere; \
    CREATE TABLE t (id bigint GENERATED ALWAYS AS IDENTITY (INCREMENT BY 2) CONSTRAINT t_pkey PRIMARY KEY, \
        title text COLLATE \"C\" NOT NULL DEFAULT 'x' CONSTRAINT t_title_key UNIQUE DEFERRABLE, \
        n integer CONSTRAINT t_n_check CHECK (n < 100), \
        doubled integer GENERATED ALWAYS AS (n * 2) STORED, big text, kept text) \
        WITH (fillfactor = 70, toast.autovacuum_enabled = false); \
    ALTER TABLE t ALTER big SET STORAGE EXTERNAL, ALTER n SET STATISTICS 100, \
        ALTER n SET (n_distinct = 5), ENABLE ROW LEVEL SECURITY; \
    COMMENT ON TABLE t IS 'units'; COMMENT ON COLUMN t.title IS 'what it is called'; \
    CREATE POLICY p ON t FOR SELECT TO tables_app USING (n > 0); \
    CREATE POLICY q ON t AS RESTRICTIVE FOR INSERT WITH CHECK (n < 50); \
    CREATE RULE r AS ON DELETE TO t DO INSTEAD NOTHING; \
    CREATE STATISTICS s (ndistinct) ON title, n FROM t; \
    CREATE INDEX t_n_idx ON t (n DESC, lower(title) text_pattern_ops) INCLUDE (big) WITH (fillfactor = 80) WHERE n > 0; \
    COMMENT ON INDEX t_n_idx IS 'for the list'; \
    CREATE TABLE f (id integer PRIMARY KEY, \
        t bigint CONSTRAINT f_t_fkey REFERENCES t (id) ON DELETE CASCADE, other integer, EXCLUDE USING btree (other WITH =)); \
    COMMENT ON CONSTRAINT f_t_fkey ON f IS 'whose'; \
    CREATE TABLE parts (n integer, m integer) PARTITION BY RANGE (n); CREATE INDEX parts_m ON parts (m); \
    CREATE TABLE part_1 PARTITION OF parts FOR VALUES FROM (0) TO (10); CREATE TABLE loose (n integer, m integer); \
    CREATE TABLE parent (id integer); CREATE TABLE child () INHERITS (parent); CREATE TABLE orphan (id integer); \
    CREATE TYPE shape AS (a integer); CREATE TABLE typed OF shape; \
    CREATE FOREIGN TABLE away (a integer) SERVER far OPTIONS (token 'secret', place 'x'); \
    INSERT INTO t (title, n) VALUES ('a', 1)";

const DESIRED: &str = r#"
[pg_table."public.*"]
database = "lab"
only = ["public.away", "public.child", "public.f", "public.loose", "public.orphan", "public.parent", "public.part_1",
    "public.parts", "public.t", "public.typed"]

[pg_table."public.t"]
database = "lab"
kind = "table"
owner = "postgres"
columns = [
    "id bigint not null generated always as identity (increment by 2)",
    "title text collate pg_catalog.\"C\" not null default 'x'::text",
    "n integer",
    "doubled integer generated always as ((n * 2)) stored",
    "big text storage external",
    "kept text",
]
column_count = 6
persistence = "permanent"
row_security = true
force_row_security = false
policies = { p = "for select to tables_app using ((n > 0))", q = "as restrictive for insert with check ((n < 50))" }
replica_identity = "default"
access_method = "heap"
tablespace = "default"
options = { fillfactor = "70", "toast.autovacuum_enabled" = "false" }
partition_key = ""
partition_bound = ""
inherits = []
children = []
of_type = ""
rules = { r = "CREATE RULE r AS\n    ON DELETE TO public.t DO INSTEAD NOTHING;" }
statistics = { "public.s" = "CREATE STATISTICS public.s (ndistinct) ON title, n FROM public.t" }
column_statistics = { n = 100 }
column_options = { n = "n_distinct=5" }
column_comments = { title = "what it is called" }
comment = "units"

[pg_table."public.parts"]
database = "lab"
kind = "partitioned"
partition_key = "RANGE (n)"
children = ["public.part_1"]

[pg_table."public.part_1"]
database = "lab"
inherits = ["public.parts"]
partition_bound = "FOR VALUES FROM (0) TO (10)"

[pg_table."public.child"]
database = "lab"
inherits = ["public.parent"]

[pg_table."public.parent"]
database = "lab"
children = ["public.child"]

[pg_table."public.orphan"]
database = "lab"
columns = ["id integer"]
inherits = []

[pg_table."public.typed"]
database = "lab"
of_type = "public.shape"

[pg_table."public.away"]
database = "lab"
kind = "foreign"
server = "far"
foreign_options = { token = "secret", place = "x" }

[pg_table."public.absent"]
database = "lab"
present = false

[pg_index."public.*"]
database = "lab"
only = ["public.f.f_other_excl", "public.f.f_pkey", "public.part_1.part_1_m_idx", "public.parts.parts_m", "public.t.t_n_idx",
    "public.t.t_pkey", "public.t.t_title_key"]

[pg_index."public.t_n_idx"]
database = "lab"
table = "public.t"
definition = "CREATE INDEX t_n_idx ON public.t USING btree (n DESC, lower(title) text_pattern_ops) INCLUDE (big) WITH (fillfactor='80') WHERE (n > 0)"
valid = true
ready = true
unique = false
nulls_not_distinct = false
method = "btree"
columns = ["n DESC", "lower(title) text_pattern_ops"]
include = ["big"]
predicate = "(n > 0)"
options = { fillfactor = "80" }
tablespace = "default"
clustered = false
replica_identity = false
constraint = ""
parent = ""
statistics = {}
comment = "for the list"

[pg_index."public.t_pkey"]
database = "lab"
unique = true
clustered = false
replica_identity = false
constraint = "t_pkey"

[pg_index."public.part_1_m_idx"]
database = "lab"
parent = "public.parts_m"

[pg_constraint."public.t.*"]
database = "lab"
only = ["public.t.t_n_check", "public.t.t_pkey", "public.t.t_title_key"]

[pg_constraint."public.t.t_pkey"]
database = "lab"
type = "primary key"
definition = "PRIMARY KEY (id)"
columns = ["id"]

[pg_constraint."public.t.t_title_key"]
database = "lab"
type = "unique"
deferrable = true
initially_deferred = false

[pg_constraint."public.t.t_n_check"]
database = "lab"
type = "check"
definition = "CHECK ((n < 100))"
no_inherit = false

[pg_constraint."public.f.f_t_fkey"]
database = "lab"
type = "foreign key"
references = "public.t"
referenced_columns = ["id"]
columns = ["t"]
on_delete = "cascade"
on_update = "no action"
match = "simple"
validated = true
enforced = true
comment = "whose"

[pg_constraint."public.f.f_other_excl"]
database = "lab"
type = "exclude"
definition = "EXCLUDE USING btree (other WITH =)"
"#;

const T: &str = "pg_table.public.t";
const INDEX: &str = "pg_index.public.t_n_idx";
const INDEXES: &str = "pg_index.public.*";
const FOREIGN_KEY: &str = "pg_constraint.public.f.f_t_fkey";

pub(crate) const GROUP: Group = Group {
    name: "tables",
    title: "Tables, indexes and constraints",
    setup: SETUP,
    desired: DESIRED,
    cases: &[
        case(
            "a column's default changes",
            "ALTER TABLE t ALTER title SET DEFAULT 'y'",
            &[(T, "column title")],
        ),
        case(
            "a column's default is dropped",
            "ALTER TABLE t ALTER title DROP DEFAULT",
            &[(T, "column title")],
        ),
        case(
            "a column may be NULL",
            "ALTER TABLE t ALTER title DROP NOT NULL",
            &[(T, "column title")],
        ),
        case(
            "a column has another type",
            "ALTER TABLE t ALTER kept TYPE varchar(80)",
            &[(T, "column kept")],
        ),
        case(
            "a column has another collation",
            "ALTER TABLE t ALTER title TYPE text COLLATE \"POSIX\"",
            &[(T, "column title")],
        ),
        case(
            "a column is stored otherwise",
            "ALTER TABLE t ALTER big SET STORAGE PLAIN",
            &[(T, "column big")],
        ),
        case("a column's compression is chosen", "ALTER TABLE t ALTER big SET COMPRESSION pglz", &[(T, "column big")]).since(14),
        case(
            "an expression is generated otherwise",
            "ALTER TABLE t DROP doubled, ADD doubled integer GENERATED ALWAYS AS (n * 3) STORED",
            &[(T, "column doubled"), (T, "column order")],
        ),
        case(
            "a column is generated no more",
            "ALTER TABLE t ALTER doubled DROP EXPRESSION",
            &[(T, "column doubled")],
        ),
        case(
            "an identity is by default",
            "ALTER TABLE t ALTER id SET GENERATED BY DEFAULT",
            &[(T, "column id")],
        ),
        case(
            "an identity has another step",
            "ALTER TABLE t ALTER id SET INCREMENT BY 5",
            &[(T, "column id")],
        ),
        case(
            "an identity's sequence is changed itself",
            "ALTER SEQUENCE t_id_seq CYCLE MAXVALUE 99",
            &[(T, "column id")],
        ),
        case("an identity is dropped", "ALTER TABLE t ALTER id DROP IDENTITY", &[(T, "column id")]),
        case(
            "a column comes",
            "ALTER TABLE t ADD zz integer NOT NULL DEFAULT 1",
            &[(T, "column zz"), (T, "column_count")],
        ),
        case(
            "a column goes",
            "ALTER TABLE t DROP kept",
            &[(T, "column kept"), (T, "column_count")],
        ),
        case(
            "a column is renamed",
            "ALTER TABLE t RENAME kept TO held",
            &[(T, "column held"), (T, "column kept")],
        ),
        case(
            "a column is dropped and comes again at the end",
            "ALTER TABLE t DROP big, ADD big text; ALTER TABLE t ALTER big SET STORAGE EXTERNAL; \
             CREATE INDEX t_n_idx ON t (n DESC, lower(title) text_pattern_ops) INCLUDE (big) WITH (fillfactor = 80) WHERE n > 0; \
             COMMENT ON INDEX t_n_idx IS 'for the list'",
            &[(T, "column order")],
        ),
        case(
            "a statistics target changes",
            "ALTER TABLE t ALTER n SET STATISTICS 9",
            &[(T, "statistics of column n")],
        ),
        case(
            "a column's option changes",
            "ALTER TABLE t ALTER n RESET (n_distinct)",
            &[(T, "options of column n")],
        ),
        case(
            "a column's comment changes",
            "COMMENT ON COLUMN t.title IS 'y'",
            &[(T, "comment of column title")],
        ),
        case(
            "a column gets a comment",
            "COMMENT ON COLUMN t.n IS 'y'",
            &[(T, "comment of column n")],
        ),
        case("the comment goes", "COMMENT ON TABLE t IS NULL", &[(T, "comment")]),
        case("another owner", "ALTER TABLE t OWNER TO tables_other", &[(T, "owner")]),
        case(
            "an option changes",
            "ALTER TABLE t SET (fillfactor = 50)",
            &[(T, "option fillfactor")],
        ),
        case(
            "options out of line change",
            "ALTER TABLE t RESET (toast.autovacuum_enabled), SET (toast.vacuum_truncate = false)",
            &[(T, "option toast.autovacuum_enabled"), (T, "option toast.vacuum_truncate")],
        ),
        case(
            "replicas are told the whole row",
            "ALTER TABLE t REPLICA IDENTITY FULL",
            &[(T, "replica_identity")],
        ),
        case(
            "replicas are told an index",
            "ALTER TABLE t REPLICA IDENTITY USING INDEX t_pkey",
            &[(T, "replica_identity"), ("pg_index.public.t_pkey", "replica_identity")],
        ),
        case(
            "another index tells replicas",
            "UPDATE pg_index SET indisreplident = true WHERE indexrelid = 't_n_idx'::regclass",
            &[(INDEX, "replica_identity")],
        ),
        case(
            "it is not logged",
            "ALTER TABLE f DROP CONSTRAINT f_t_fkey; ALTER TABLE t SET UNLOGGED",
            &[(T, "persistence"), (FOREIGN_KEY, "presence")],
        ),
        case(
            "it is stored elsewhere",
            "UPDATE pg_class SET reltablespace = 1664 WHERE relname = 't'",
            &[(T, "tablespace")],
        ),
        case(
            "it is stored in another way",
            "CREATE ACCESS METHOD pile TYPE TABLE HANDLER heap_tableam_handler; ALTER TABLE t SET ACCESS METHOD pile",
            &[(T, "access_method")],
        ).since(15),
        case(
            "row security is off",
            "ALTER TABLE t DISABLE ROW LEVEL SECURITY",
            &[(T, "row_security")],
        ),
        case(
            "row security holds for the owner",
            "ALTER TABLE t FORCE ROW LEVEL SECURITY",
            &[(T, "force_row_security")],
        ),
        case(
            "a policy has another expression",
            "ALTER POLICY p ON t USING (n > 1)",
            &[(T, "policy p")],
        ),
        case(
            "a policy checks something else",
            "ALTER POLICY q ON t WITH CHECK (true)",
            &[(T, "policy q")],
        ),
        case("a policy is for everybody", "ALTER POLICY p ON t TO PUBLIC", &[(T, "policy p")]),
        case(
            "a policy is for another command",
            "DROP POLICY p ON t; CREATE POLICY p ON t FOR ALL TO tables_app USING (n > 0)",
            &[(T, "policy p")],
        ),
        case(
            "a policy lets pass",
            "DROP POLICY q ON t; CREATE POLICY q ON t FOR INSERT WITH CHECK (n < 50)",
            &[(T, "policy q")],
        ),
        case("a policy comes", "CREATE POLICY z ON t", &[(T, "policy z")]),
        case("a policy goes", "DROP POLICY p ON t", &[(T, "policy p")]),
        case(
            "a rule comes",
            "CREATE RULE z AS ON UPDATE TO t DO INSTEAD NOTHING",
            &[(T, "rule z")],
        ),
        case("a rule is switched off", "ALTER TABLE t DISABLE RULE r", &[(T, "rule r")]),
        case("extended statistics go", "DROP STATISTICS s", &[(T, "statistics public.s")]),
        case(
            "extended statistics have a target",
            "ALTER STATISTICS s SET STATISTICS 7",
            &[(T, "statistics public.s")],
        ),
        case(
            "a table comes",
            "CREATE TABLE new (a integer)",
            &[("pg_table.public.*", "public.new")],
        ),
        case(
            "an unwanted table comes",
            "CREATE TABLE absent (a integer)",
            &[("pg_table.public.*", "public.absent"), ("pg_table.public.absent", "presence")],
        ),
        case(
            "a table goes",
            "DROP TABLE typed",
            &[("pg_table.public.*", "public.typed"), ("pg_table.public.typed", "presence")],
        ),
        case(
            "a table becomes a view",
            "DROP TABLE typed; CREATE VIEW typed AS SELECT 1 AS a",
            &[("pg_table.public.*", "public.typed"), ("pg_table.public.typed", "presence")],
        ),
        case(
            "a table has no type",
            "ALTER TABLE typed NOT OF",
            &[("pg_table.public.typed", "of_type")],
        ),
        case(
            "a partition is attached",
            "ALTER TABLE parts ATTACH PARTITION loose FOR VALUES FROM (10) TO (20)",
            &[
                ("pg_table.public.parts", "child public.loose"),
                (INDEXES, "public.loose.loose_m_idx"),
            ],
        ),
        case(
            "a partition is detached",
            "ALTER TABLE parts DETACH PARTITION part_1",
            &[
                ("pg_table.public.parts", "child public.part_1"),
                ("pg_table.public.part_1", "inherits"),
                ("pg_table.public.part_1", "partition_bound"),
                ("pg_index.public.part_1_m_idx", "parent"),
            ],
        ),
        case(
            "a partition has another bound",
            "ALTER TABLE parts DETACH PARTITION part_1; \
            ALTER TABLE parts ATTACH PARTITION part_1 FOR VALUES FROM (0) TO (11)",
            &[("pg_table.public.part_1", "partition_bound")],
        ),
        case(
            "a table inherits",
            "ALTER TABLE orphan INHERIT parent",
            &[
                ("pg_table.public.orphan", "inherits"),
                ("pg_table.public.parent", "child public.orphan"),
            ],
        ),
        case(
            "a table inherits no more",
            "ALTER TABLE child NO INHERIT parent",
            &[
                ("pg_table.public.child", "inherits"),
                ("pg_table.public.parent", "child public.child"),
            ],
        ),
        case(
            "a foreign table's secret changes",
            "ALTER FOREIGN TABLE away OPTIONS (SET token 'other')",
            &[("pg_table.public.away", "foreign option token")],
        ),
        case(
            "a foreign table's option goes, another comes",
            "ALTER FOREIGN TABLE away OPTIONS (DROP place, ADD region 'x')",
            &[
                ("pg_table.public.away", "foreign option place"),
                ("pg_table.public.away", "foreign option region"),
            ],
        ),
        case(
            "a foreign table is elsewhere",
            "UPDATE pg_foreign_table SET ftserver = \
            (SELECT oid FROM pg_foreign_server WHERE srvname = 'near')",
            &[("pg_table.public.away", "server")],
        ),
        case(
            "an index is invalid",
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 't_n_idx'::regclass",
            &[(INDEX, "valid")],
        ),
        case(
            "an index is not kept up",
            "UPDATE pg_index SET indisready = false WHERE indexrelid = 't_n_idx'::regclass",
            &[(INDEX, "ready")],
        ),
        case("an index comes", "CREATE INDEX extra ON t (kept)", &[(INDEXES, "public.t.extra")]),
        case(
            "an index goes",
            "DROP INDEX t_n_idx",
            &[(INDEXES, "public.t.t_n_idx"), (INDEX, "presence")],
        ),
        case(
            "an index is renamed",
            "ALTER INDEX t_n_idx RENAME TO other",
            &[(INDEXES, "public.t.t_n_idx"), (INDEXES, "public.t.other"), (INDEX, "presence")],
        ),
        case(
            "an index has another predicate",
            "DROP INDEX t_n_idx; \
            CREATE INDEX t_n_idx ON t (n DESC, lower(title) text_pattern_ops) INCLUDE (big) WITH (fillfactor = 80) WHERE n > 1; \
            COMMENT ON INDEX t_n_idx IS 'for the list'",
            &[(INDEX, "definition"), (INDEX, "predicate")],
        ),
        case(
            "an index has other operators",
            "DROP INDEX t_n_idx; \
            CREATE INDEX t_n_idx ON t (n DESC, lower(title)) INCLUDE (big) WITH (fillfactor = 80) WHERE n > 0; \
            COMMENT ON INDEX t_n_idx IS 'for the list'",
            &[(INDEX, "definition"), (INDEX, "columns")],
        ),
        case(
            "an index carries something else",
            "DROP INDEX t_n_idx; \
            CREATE INDEX t_n_idx ON t (n DESC, lower(title) text_pattern_ops) INCLUDE (kept) WITH (fillfactor = 80) WHERE n > 0; \
            COMMENT ON INDEX t_n_idx IS 'for the list'",
            &[(INDEX, "definition"), (INDEX, "include")],
        ),
        case(
            "an index is another altogether",
            "DROP INDEX t_n_idx; CREATE UNIQUE INDEX t_n_idx ON parent (id)",
            &[
                (INDEXES, "public.t.t_n_idx"),
                (INDEXES, "public.parent.t_n_idx"),
                (INDEX, "table"),
                (INDEX, "definition"),
                (INDEX, "unique"),
                (INDEX, "columns"),
                (INDEX, "include"),
                (INDEX, "predicate"),
                (INDEX, "option fillfactor"),
                (INDEX, "comment"),
            ],
        ),
        case(
            "an index has another method",
            "DROP INDEX t_n_idx; CREATE INDEX t_n_idx ON t USING hash (n) WHERE n > 0",
            &[
                (INDEX, "definition"),
                (INDEX, "method"),
                (INDEX, "columns"),
                (INDEX, "include"),
                (INDEX, "option fillfactor"),
                (INDEX, "comment"),
            ],
        ),
        case(
            "NULLs become duplicates",
            "UPDATE pg_index SET indnullsnotdistinct = true WHERE indexrelid = 't_n_idx'::regclass",
            &[(INDEX, "definition"), (INDEX, "nulls_not_distinct")],
        ).since(15),
        case(
            "an index has another option",
            "ALTER INDEX t_n_idx SET (fillfactor = 60)",
            &[(INDEX, "definition"), (INDEX, "option fillfactor")],
        ),
        case(
            "an index is stored elsewhere",
            "UPDATE pg_class SET reltablespace = 1664 WHERE relname = 't_n_idx'",
            &[(INDEX, "tablespace")],
        ),
        case(
            "an expression of an index has statistics",
            "ALTER INDEX t_n_idx ALTER COLUMN 2 SET STATISTICS 50",
            &[(INDEX, "statistics of key 2")],
        ),
        case(
            "an index orders the table",
            "ALTER TABLE t CLUSTER ON t_pkey",
            &[("pg_index.public.t_pkey", "clustered")],
        ),
        case("an index has no comment", "COMMENT ON INDEX t_n_idx IS NULL", &[(INDEX, "comment")]),
        case(
            "a key keeps no constraint",
            "ALTER TABLE f DROP CONSTRAINT f_t_fkey; ALTER TABLE t DROP CONSTRAINT t_pkey; CREATE UNIQUE INDEX t_pkey ON t (id)",
            &[
                ("pg_index.public.t_pkey", "constraint"),
                ("pg_constraint.public.t.t_pkey", "presence"),
                ("pg_constraint.public.t.*", "public.t.t_pkey"),
                (FOREIGN_KEY, "presence"),
            ],
        ),
        case(
            "a check is dropped",
            "ALTER TABLE t DROP CONSTRAINT t_n_check",
            &[
                ("pg_constraint.public.t.*", "public.t.t_n_check"),
                ("pg_constraint.public.t.t_n_check", "presence"),
            ],
        ),
        case(
            "a check comes",
            "ALTER TABLE t ADD CONSTRAINT more CHECK (n > -100)",
            &[("pg_constraint.public.t.*", "public.t.more")],
        ),
        case(
            "a check is another",
            "ALTER TABLE t DROP CONSTRAINT t_n_check, ADD CONSTRAINT t_n_check CHECK (n < 1000) NO INHERIT",
            &[
                ("pg_constraint.public.t.t_n_check", "definition"),
                ("pg_constraint.public.t.t_n_check", "no_inherit"),
            ],
        ),
        case(
            "a key has other columns",
            "ALTER TABLE f DROP CONSTRAINT f_t_fkey; ALTER TABLE t DROP CONSTRAINT t_pkey, \
            ADD CONSTRAINT t_pkey PRIMARY KEY (id, title); ALTER TABLE t ADD UNIQUE (id)",
            &[
                ("pg_constraint.public.t.t_pkey", "definition"),
                ("pg_constraint.public.t.t_pkey", "columns"),
                ("pg_constraint.public.t.*", "public.t.t_id_key"),
                (INDEXES, "public.t.t_id_key"),
                (FOREIGN_KEY, "presence"),
            ],
        ),
        case(
            "a key can be put off no more",
            "ALTER TABLE t DROP CONSTRAINT t_title_key, ADD CONSTRAINT t_title_key UNIQUE (title)",
            &[("pg_constraint.public.t.t_title_key", "deferrable")],
        ),
        case(
            "a key is put off",
            "ALTER TABLE t DROP CONSTRAINT t_title_key, \
            ADD CONSTRAINT t_title_key UNIQUE (title) DEFERRABLE INITIALLY DEFERRED",
            &[("pg_constraint.public.t.t_title_key", "initially_deferred")],
        ),
        case(
            "a constraint is of another type",
            "ALTER TABLE t DROP CONSTRAINT t_title_key, ADD CONSTRAINT t_title_key CHECK (title <> '')",
            &[
                ("pg_constraint.public.t.t_title_key", "type"),
                ("pg_constraint.public.t.t_title_key", "deferrable"),
                (INDEXES, "public.t.t_title_key"),
            ],
        ),
        case(
            "a foreign key is not validated",
            "ALTER TABLE f DROP CONSTRAINT f_t_fkey, \
            ADD CONSTRAINT f_t_fkey FOREIGN KEY (t) REFERENCES t (id) ON DELETE CASCADE NOT VALID; \
            COMMENT ON CONSTRAINT f_t_fkey ON f IS 'whose'",
            &[(FOREIGN_KEY, "validated")],
        ),
        case(
            "a foreign key deletes no more",
            "ALTER TABLE f DROP CONSTRAINT f_t_fkey, \
            ADD CONSTRAINT f_t_fkey FOREIGN KEY (t) REFERENCES t (id) MATCH FULL ON UPDATE SET NULL; \
            COMMENT ON CONSTRAINT f_t_fkey ON f IS 'whose'",
            &[(FOREIGN_KEY, "on_delete"), (FOREIGN_KEY, "on_update"), (FOREIGN_KEY, "match")],
        ),
        case(
            "a foreign key refers to another table",
            "ALTER TABLE f DROP CONSTRAINT f_t_fkey, \
            ADD CONSTRAINT f_t_fkey FOREIGN KEY (other) REFERENCES f (id) ON DELETE CASCADE",
            &[(FOREIGN_KEY, "references"), (FOREIGN_KEY, "columns"), (FOREIGN_KEY, "comment")],
        ),
        case(
            "nothing is excluded",
            "ALTER TABLE f DROP CONSTRAINT f_other_excl",
            &[
                ("pg_constraint.public.f.f_other_excl", "presence"),
                (INDEXES, "public.f.f_other_excl"),
            ],
        ),
        case("a column is computed when it is read", "ALTER TABLE t DROP doubled, ADD doubled integer GENERATED ALWAYS AS (n * 2) VIRTUAL",
            &[(T, "column doubled"), (T, "column order")]).since(18),
        case("a foreign key is not enforced", "ALTER TABLE f ALTER CONSTRAINT f_t_fkey NOT ENFORCED",
            &[(FOREIGN_KEY, "enforced"), (FOREIGN_KEY, "validated")]).since(18),
        case("a column's NOT NULL has another name", "ALTER TABLE t RENAME CONSTRAINT t_title_not_null TO named", &[]).since(18),
        case("ANALYZE", "ANALYZE", &[]),
        case("VACUUM", "VACUUM FULL", &[]),
        case("REINDEX", "REINDEX TABLE t", &[]),
        case("CLUSTER", "ALTER TABLE t CLUSTER ON t_pkey; ALTER TABLE t SET WITHOUT CLUSTER", &[]),
        case(
            "rows come and go",
            "INSERT INTO t (title, n) SELECT i::text, 1 FROM generate_series(1, 1000) i; TRUNCATE t CASCADE",
            &[],
        ),
        case(
            "a constraint of the same text",
            "ALTER TABLE t DROP CONSTRAINT t_n_check; ALTER TABLE t ADD CONSTRAINT t_n_check CHECK (n < 100)",
            &[],
        ),
        case(
            "a policy of the same text",
            "DROP POLICY p ON t; CREATE POLICY p ON t FOR SELECT TO tables_app USING (n > 0)",
            &[],
        ),
        case(
            "a column comes and goes",
            "ALTER TABLE t ADD gone integer; ALTER TABLE t DROP gone",
            &[],
        ),
        case("a right is granted", "GRANT SELECT (n) ON t TO tables_app", &[]),
        case(
            "a trigger comes",
            "CREATE TRIGGER z BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
            &[],
        ),
        case("a schema of another name", "CREATE SCHEMA other CREATE TABLE t (a integer)", &[]),
        case("a temporary table", "CREATE TEMPORARY TABLE t (a integer)", &[]),
    ],
};
