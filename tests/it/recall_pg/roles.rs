//! Roles, memberships, settings that are written down, extensions and publications.
//!
//! What a version does not know stands in a group of its own.

use super::{Case, Group, case, cluster};

pub(crate) const GROUP: Group = Group {
    name: "roles",
    title: "Roles, memberships, settings and extensions",
    setup: SETUP,
    desired: DESIRED,
    cases: CASES,
};

const SETUP: &str = "CREATE ROLE roles_exec LOGIN CONNECTION LIMIT 2 VALID UNTIL '2099-01-01T00:00:00Z'; \
    COMMENT ON ROLE roles_exec IS 'writes units'; \
    CREATE ROLE roles_verify LOGIN CONNECTION LIMIT 2; CREATE ROLE roles_ro NOLOGIN; \
    CREATE ROLE roles_group NOLOGIN; CREATE ROLE roles_member NOLOGIN; GRANT roles_group TO roles_member; \
    ALTER ROLE roles_ro SET statement_timeout = '5s'; ALTER ROLE roles_ro SET app.token = 'first'; \
    ALTER ROLE ALL SET roles_recall.mode = 'a'; \
    GRANT SELECT ON pg_file_settings TO OBSERVER; GRANT EXECUTE ON FUNCTION pg_show_all_file_settings() TO OBSERVER; \
    CREATE SCHEMA side; CREATE TABLE unit (n int); CREATE EXTENSION btree_gist VERSION '1.4'";

const DESIRED: &str = r#"
[pg_role.roles_exec]
database = "lab"
superuser = false
createdb = false
createrole = false
replication = false
bypassrls = false
login = true
inherit = true
connection_limit = 2
valid_until = "2099-01-01T00:00:00Z"
comment = "writes units"
owns_nothing = true

[pg_role.roles_ro]
database = "lab"
login = false

[pg_role.roles_never]
database = "lab"
present = false

[pg_role."roles_*"]
database = "lab"
only = ["roles_exec", "roles_group", "roles_member", "roles_observer", "roles_ro", "roles_verify"]

[pg_membership."roles_group to roles_member"]
database = "lab"
admin = false

[pg_membership."roles_group to roles_verify"]
database = "lab"
present = false

[pg_membership."* to roles_exec"]
database = "lab"
only = []

[pg_membership."roles_group to *"]
database = "lab"
only = ["roles_group to roles_member"]

[pg_setting."statement_timeout for role roles_ro"]
database = "lab"
value = "5s"

[pg_setting."app.token for role roles_ro"]
database = "lab"
value = "first"

[pg_setting."* for role roles_*"]
database = "lab"
only = ["app.token for role roles_ro", "statement_timeout for role roles_ro"]

[pg_setting."roles_recall.mode for all roles"]
database = "lab"
value = "a"

[pg_setting."app.mode for database"]
database = "lab"
present = false

[pg_setting."* for database"]
database = "lab"
only = []

[pg_setting."enable_* for server"]
database = "lab"
only = []

[pg_extension.btree_gist]
database = "lab"
version = "1.4"
schema = "public"
owner = "postgres"

[pg_extension.dblink]
database = "lab"
present = false

[pg_extension."*"]
database = "lab"
only = ["btree_gist", "plpgsql"]
"#;

const EXEC: &str = "pg_role.roles_exec";
const ROLES: &str = "pg_role.roles_*";
const OF_EXEC: &str = "pg_membership.* to roles_exec";
const MEMBERS: &str = "pg_membership.roles_group to *";
const OF_ROLES: &str = "pg_setting.* for role roles_*";
const TIMEOUT: &str = "statement_timeout for role roles_ro";
const TOKEN: &str = "app.token for role roles_ro";
const GIST: &str = "pg_extension.btree_gist";

const CASES: &[Case] = &[
    cluster(
        "a role becomes superuser",
        "ALTER ROLE roles_exec SUPERUSER",
        "ALTER ROLE roles_exec NOSUPERUSER",
        &[(EXEC, "superuser")],
    ),
    cluster(
        "a role may create databases",
        "ALTER ROLE roles_exec CREATEDB",
        "ALTER ROLE roles_exec NOCREATEDB",
        &[(EXEC, "createdb")],
    ),
    cluster(
        "a role may create roles",
        "ALTER ROLE roles_exec CREATEROLE",
        "ALTER ROLE roles_exec NOCREATEROLE",
        &[(EXEC, "createrole")],
    ),
    cluster(
        "a role may replicate",
        "ALTER ROLE roles_exec REPLICATION",
        "ALTER ROLE roles_exec NOREPLICATION",
        &[(EXEC, "replication")],
    ),
    cluster(
        "row security passes a role by",
        "ALTER ROLE roles_exec BYPASSRLS",
        "ALTER ROLE roles_exec NOBYPASSRLS",
        &[(EXEC, "bypassrls")],
    ),
    cluster(
        "a role that may not log in may",
        "ALTER ROLE roles_ro LOGIN",
        "ALTER ROLE roles_ro NOLOGIN",
        &[("pg_role.roles_ro", "login")],
    ),
    cluster(
        "a role does not inherit any more",
        "ALTER ROLE roles_exec NOINHERIT",
        "ALTER ROLE roles_exec INHERIT",
        &[(EXEC, "inherit")],
    ),
    cluster(
        "a limit of connections is lifted",
        "ALTER ROLE roles_exec CONNECTION LIMIT -1",
        "ALTER ROLE roles_exec CONNECTION LIMIT 2",
        &[(EXEC, "connection_limit")],
    ),
    cluster(
        "a password holds for ever",
        "ALTER ROLE roles_exec VALID UNTIL 'infinity'",
        "ALTER ROLE roles_exec VALID UNTIL '2099-01-01T00:00:00Z'",
        &[(EXEC, "valid_until")],
    ),
    cluster(
        "a comment on a role is removed",
        "COMMENT ON ROLE roles_exec IS NULL",
        "COMMENT ON ROLE roles_exec IS 'writes units'",
        &[(EXEC, "comment")],
    ),
    case(
        "a role gets a table",
        "CREATE TABLE mine (); ALTER TABLE mine OWNER TO roles_exec",
        &[(EXEC, "owns_nothing")],
    ),
    case(
        "a role gets a large object",
        "DO $$ BEGIN EXECUTE format('ALTER LARGE OBJECT %s OWNER TO roles_exec', lo_create(0)); END $$",
        &[(EXEC, "owns_nothing")],
    ),
    cluster(
        "a role gets a database of its own",
        "CREATE DATABASE roles_owned OWNER roles_exec",
        "DROP DATABASE roles_owned",
        &[(EXEC, "owns_nothing")],
    ),
    cluster(
        "a role that shall not be comes, and stands in no list",
        "CREATE ROLE roles_never",
        "DROP ROLE roles_never",
        &[("pg_role.roles_never", "presence"), (ROLES, "roles_never")],
    ),
    cluster(
        "a listed role is removed",
        "DROP ROLE roles_verify",
        "CREATE ROLE roles_verify LOGIN CONNECTION LIMIT 2",
        &[(ROLES, "roles_verify")],
    ),
    cluster(
        "a role gets another name, and keeps what it has",
        "ALTER ROLE roles_ro RENAME TO roles_rw",
        "ALTER ROLE roles_rw RENAME TO roles_ro",
        &[
            ("pg_role.roles_ro", "presence"),
            (ROLES, "roles_ro"),
            (ROLES, "roles_rw"),
            ("pg_setting.statement_timeout for role roles_ro", "presence"),
            ("pg_setting.app.token for role roles_ro", "presence"),
            (OF_ROLES, TIMEOUT),
            (OF_ROLES, TOKEN),
            (OF_ROLES, "statement_timeout for role roles_rw"),
            (OF_ROLES, "app.token for role roles_rw"),
        ],
    ),
    cluster(
        "a role that is a member of nothing gets a powerful membership",
        "GRANT pg_write_server_files TO roles_exec",
        "REVOKE pg_write_server_files FROM roles_exec",
        &[(OF_EXEC, "pg_write_server_files to roles_exec")],
    ),
    cluster(
        "a member may hand its role on",
        "GRANT roles_group TO roles_member WITH ADMIN OPTION",
        "REVOKE ADMIN OPTION FOR roles_group FROM roles_member",
        &[("pg_membership.roles_group to roles_member", "admin")],
    ),
    cluster(
        "a role gets a member that it shall not have",
        "GRANT roles_group TO roles_verify",
        "REVOKE roles_group FROM roles_verify",
        &[
            ("pg_membership.roles_group to roles_verify", "presence"),
            (MEMBERS, "roles_group to roles_verify"),
        ],
    ),
    cluster(
        "a membership is revoked",
        "REVOKE roles_group FROM roles_member",
        "GRANT roles_group TO roles_member",
        &[
            ("pg_membership.roles_group to roles_member", "presence"),
            (MEMBERS, "roles_group to roles_member"),
        ],
    ),
    cluster(
        "the setting of a role gets another value",
        "ALTER ROLE roles_ro SET statement_timeout = '0'",
        "ALTER ROLE roles_ro SET statement_timeout = '5s'",
        &[("pg_setting.statement_timeout for role roles_ro", "value")],
    ),
    cluster(
        "a secret setting of a role gets another value",
        "ALTER ROLE roles_ro SET app.token = 'second'",
        "ALTER ROLE roles_ro SET app.token = 'first'",
        &[("pg_setting.app.token for role roles_ro", "value")],
    ),
    cluster(
        "the setting of a role is reset",
        "ALTER ROLE roles_ro RESET statement_timeout",
        "ALTER ROLE roles_ro SET statement_timeout = '5s'",
        &[("pg_setting.statement_timeout for role roles_ro", "presence"), (OF_ROLES, TIMEOUT)],
    ),
    cluster(
        "a role gets a search path",
        "ALTER ROLE roles_exec SET search_path = evil, public",
        "ALTER ROLE roles_exec RESET search_path",
        &[(OF_ROLES, "search_path for role roles_exec")],
    ),
    case(
        "a role gets a setting in this database alone",
        "DO $$ BEGIN EXECUTE format('ALTER ROLE roles_exec IN DATABASE %I SET work_mem = ''1GB''', current_database()); END $$",
        &[(OF_ROLES, "work_mem for role roles_exec in database")],
    ),
    case(
        "the database gets a setting",
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET app.mode = ''loose''', current_database()); END $$",
        &[
            ("pg_setting.app.mode for database", "presence"),
            ("pg_setting.* for database", "app.mode for database"),
        ],
    ),
    cluster(
        "a setting of all roles gets another value",
        "ALTER ROLE ALL SET roles_recall.mode = 'b'",
        "ALTER ROLE ALL SET roles_recall.mode = 'a'",
        &[("pg_setting.roles_recall.mode for all roles", "value")],
    ),
    cluster(
        "ALTER SYSTEM writes a setting that is not loaded yet",
        "ALTER SYSTEM SET enable_seqscan = off",
        "ALTER SYSTEM RESET enable_seqscan",
        &[("pg_setting.enable_* for server", "enable_seqscan for server")],
    ),
    case("an extension is updated", "ALTER EXTENSION btree_gist UPDATE", &[(GIST, "version")]),
    case(
        "an extension is moved",
        "ALTER EXTENSION btree_gist SET SCHEMA side",
        &[(GIST, "schema")],
    ),
    case(
        "an extension gets another owner",
        "UPDATE pg_extension SET extowner = 'roles_ro'::regrole WHERE extname = 'btree_gist'",
        &[(GIST, "owner")],
    ),
    case(
        "an extension is removed",
        "DROP EXTENSION btree_gist",
        &[(GIST, "presence"), ("pg_extension.*", "btree_gist")],
    ),
    case(
        "an extension that shall not be is installed",
        "CREATE EXTENSION dblink",
        &[("pg_extension.dblink", "presence"), ("pg_extension.*", "dblink")],
    ),
    cluster(
        "a role gets a password, which nobody looks at",
        "ALTER ROLE roles_exec PASSWORD 'canary'",
        "ALTER ROLE roles_exec PASSWORD NULL",
        &[],
    ),
    cluster(
        "a role outside of every list comes",
        "CREATE ROLE other_roles SUPERUSER",
        "DROP ROLE other_roles",
        &[],
    ),
    cluster(
        "a role gets a setting in another database",
        "ALTER ROLE roles_exec IN DATABASE postgres SET work_mem = '8MB'",
        "ALTER ROLE roles_exec IN DATABASE postgres RESET work_mem",
        &[],
    ),
    case(
        "a membership is revoked and granted again",
        "REVOKE roles_group FROM roles_member; GRANT roles_group TO roles_member",
        &[],
    ),
    case(
        "settings are written again, in another order",
        "ALTER ROLE roles_ro RESET statement_timeout; ALTER ROLE roles_ro SET statement_timeout = '5s'",
        &[],
    ),
    case(
        "a role is granted a right, which is no ownership",
        "GRANT ALL ON unit TO roles_exec",
        &[],
    ),
];

/// Publications, with what PostgreSQL 15 brought: columns, conditions on rows, schemas.
pub(crate) const PUBLICATIONS: Group = Group {
    name: "publications",
    title: "Publications",
    setup: "CREATE SCHEMA side; CREATE TABLE side.s (id int PRIMARY KEY); \
            CREATE TABLE unit (id int PRIMARY KEY, n int, body text); CREATE TABLE line (id int PRIMARY KEY); \
            CREATE PUBLICATION out FOR TABLE unit (id, n) WHERE (n > 0), line WITH (publish = 'insert, update'); \
            CREATE PUBLICATION whole FOR TABLES IN SCHEMA side",
    desired: PUBLISHED,
    cases: &[
        case(
            "a publication gets another owner",
            "UPDATE pg_publication SET pubowner = 'OBSERVER'::regrole WHERE pubname = 'out'",
            &[(OUT, "owner")],
        ),
        case(
            "a publication publishes deletes, and no updates any more",
            "ALTER PUBLICATION out SET (publish = 'insert, delete')",
            &[(OUT, "publish.delete"), (OUT, "publish.update")],
        ),
        case(
            "a publication publishes partitions as their root",
            "ALTER PUBLICATION out SET (publish_via_partition_root = true)",
            &[(OUT, "via_root")],
        ),
        case(
            "a publication publishes generated columns",
            "ALTER PUBLICATION out SET (publish_generated_columns = stored)",
            &[(OUT, "generated_columns")],
        )
        .since(18),
        case(
            "a publication publishes everything",
            "DROP PUBLICATION out; CREATE PUBLICATION out FOR ALL TABLES WITH (publish = 'insert, update')",
            &[(OUT, "all_tables"), (OUT, "tables.public.line"), (OUT, "tables.public.unit")],
        ),
        case(
            "a publication gets a table",
            "CREATE TABLE more (id int PRIMARY KEY); ALTER PUBLICATION out ADD TABLE more",
            &[(OUT, "tables.public.more")],
        ),
        case("a published table is dropped", "DROP TABLE line", &[(OUT, "tables.public.line")]),
        case(
            "more columns of a table are published",
            "ALTER PUBLICATION out SET TABLE unit (id, n, body) WHERE (n > 0), line",
            &[(OUT, "tables.public.unit.columns")],
        ),
        case(
            "all rows of a table are published",
            "ALTER PUBLICATION out SET TABLE unit (id, n), line",
            &[(OUT, "tables.public.unit.rows")],
        ),
        case(
            "some rows of a table are not published any more",
            "ALTER PUBLICATION out SET TABLE unit (id, n) WHERE (n > 0), line WHERE (id < 9)",
            &[(OUT, "tables.public.line.rows")],
        ),
        case(
            "a publication gets a schema",
            "ALTER PUBLICATION whole ADD TABLES IN SCHEMA public",
            &[("pg_publication.whole", "schemas.public")],
        ),
        case(
            "a publication of everything comes",
            "CREATE PUBLICATION leak FOR ALL TABLES",
            &[("pg_publication.*", "leak")],
        ),
        case(
            "a publication is dropped",
            "DROP PUBLICATION whole",
            &[("pg_publication.whole", "presence"), ("pg_publication.*", "whole")],
        ),
        case(
            "a publication is made again",
            "DROP PUBLICATION out; CREATE PUBLICATION out FOR TABLE line, unit (n, id) WHERE (n>0) WITH (publish = 'update, insert')",
            &[],
        ),
    ],
};

const PUBLISHED: &str = r#"
[pg_publication.out]
database = "lab"
owner = "postgres"
all_tables = false
publish = ["insert", "update"]
via_root = false
generated_columns = "none"
schemas = []
tables = { "public.line" = {}, "public.unit" = { columns = ["id", "n"], rows = "(n > 0)" } }

[pg_publication.whole]
database = "lab"
schemas = ["side"]
tables = {}

[pg_publication."*"]
database = "lab"
only = ["out", "whole"]
"#;

const OUT: &str = "pg_publication.out";

/// What a membership says since PostgreSQL 16.
pub(crate) const MEMBERSHIPS: Group = Group {
    name: "memberships",
    title: "Options of memberships",
    setup: "CREATE ROLE memberships_group; CREATE ROLE memberships_member; CREATE ROLE memberships_other; \
            GRANT memberships_group TO memberships_other WITH ADMIN OPTION; GRANT memberships_group TO memberships_member; \
            DO $$ BEGIN IF current_setting('server_version_num')::int >= 160000 THEN \
            EXECUTE 'GRANT memberships_group TO memberships_member WITH INHERIT FALSE, SET FALSE'; END IF; END $$",
    desired: "[pg_membership.\"memberships_group to memberships_member\"]\ndatabase = \"lab\"\nadmin = false\n\
              inherit = false\nset = false\ngrantors = [\"postgres\"]\n",
    cases: &[
        cluster(
            "a member inherits",
            "GRANT memberships_group TO memberships_member WITH INHERIT TRUE",
            "GRANT memberships_group TO memberships_member WITH INHERIT FALSE",
            &[(MEMBERSHIP, "inherit")],
        )
        .since(16),
        cluster(
            "a member may take the role on",
            "GRANT memberships_group TO memberships_member WITH SET TRUE",
            "GRANT memberships_group TO memberships_member WITH SET FALSE",
            &[(MEMBERSHIP, "set")],
        )
        .since(16),
        cluster(
            "a second grantor gives everything",
            "GRANT memberships_group TO memberships_member WITH ADMIN TRUE, INHERIT TRUE, SET TRUE \
             GRANTED BY memberships_other",
            "REVOKE memberships_group FROM memberships_member GRANTED BY memberships_other",
            &[
                (MEMBERSHIP, "admin"),
                (MEMBERSHIP, "inherit"),
                (MEMBERSHIP, "set"),
                (MEMBERSHIP, "grantors.memberships_other"),
            ],
        )
        .since(16),
        cluster(
            "only the grantor is another",
            "REVOKE memberships_group FROM memberships_member; \
             GRANT memberships_group TO memberships_member WITH INHERIT FALSE, SET FALSE GRANTED BY memberships_other",
            "REVOKE memberships_group FROM memberships_member GRANTED BY memberships_other; \
             GRANT memberships_group TO memberships_member WITH INHERIT FALSE, SET FALSE",
            &[(MEMBERSHIP, "grantors.postgres"), (MEMBERSHIP, "grantors.memberships_other")],
        )
        .since(16),
        case(
            "the same is granted again",
            "GRANT memberships_group TO memberships_member WITH INHERIT FALSE, SET FALSE",
            &[],
        )
        .since(16),
    ],
};

const MEMBERSHIP: &str = "pg_membership.memberships_group to memberships_member";
