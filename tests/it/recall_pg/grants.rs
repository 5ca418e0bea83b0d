//! What is granted, and what a role can do in effect.

use super::{Group, case, cluster};

const APP: &str = "pg_grant.grants_app";
const PUBLIC: &str = "pg_grant.PUBLIC";
const TEAM: &str = "pg_grant.grants_team";
const OWNER: &str = "pg_grant.grants_owner";
const MEMBER: &str = "pg_grant.grants_member";
const LINES: &str = "pg_grant.on shop.lines";
const FUTURE: &str = "pg_grant.on future tables of grants_owner in schema shop";
const VAULT: &str = "pg_grant.in schema vault";

/// Before version 16 the role decides whether it inherits, and from then on the membership.
const LOSES_INHERITANCE: &str = "DO $$ BEGIN IF current_setting('server_version_num')::int >= 160000 THEN \
    EXECUTE 'GRANT grants_team TO grants_member WITH INHERIT FALSE'; \
    ELSE EXECUTE 'ALTER ROLE grants_member NOINHERIT'; END IF; END $$";
const INHERITS: &str = "DO $$ BEGIN IF current_setting('server_version_num')::int >= 160000 THEN \
    EXECUTE 'GRANT grants_team TO grants_member WITH INHERIT TRUE'; \
    ELSE EXECUTE 'ALTER ROLE grants_member INHERIT'; END IF; END $$";

pub(crate) const GROUP: Group = Group {
    name: "grants",
    title: "Grants",
    setup: "CREATE ROLE grants_owner; CREATE ROLE grants_app; CREATE ROLE grants_ro; CREATE ROLE grants_team; \
        CREATE ROLE grants_member IN ROLE grants_team; \
        CREATE SCHEMA shop AUTHORIZATION grants_owner; CREATE SCHEMA vault; \
        REVOKE CREATE ON SCHEMA public FROM PUBLIC; \
        CREATE TABLE shop.orders (id int, title text, body text); CREATE TABLE shop.lines (id int); \
        CREATE VIEW shop.titles AS SELECT title FROM shop.orders; CREATE SEQUENCE shop.numbers; \
        CREATE TYPE shop.state AS ENUM ('open'); \
        CREATE FUNCTION shop.total(int, text) RETURNS int LANGUAGE sql AS 'SELECT 1'; \
        CREATE FUNCTION shop.everybody() RETURNS int LANGUAGE sql AS 'SELECT 1'; \
        CREATE PROCEDURE shop.close(int) LANGUAGE sql AS 'SELECT 1'; \
        ALTER TABLE shop.orders OWNER TO grants_owner; ALTER TABLE shop.lines OWNER TO grants_owner; \
        REVOKE EXECUTE ON FUNCTION shop.total FROM PUBLIC; REVOKE EXECUTE ON PROCEDURE shop.close FROM PUBLIC; \
        CREATE TABLE vault.secret (n int); GRANT USAGE ON SCHEMA vault TO grants_ro; GRANT SELECT ON vault.secret TO grants_ro; \
        CREATE FOREIGN DATA WRAPPER shop_fdw; CREATE SERVER shop_far FOREIGN DATA WRAPPER shop_fdw; \
        SELECT lo_create(4711); SELECT lo_create(4712); \
        GRANT USAGE ON SCHEMA shop TO grants_app, grants_team, grants_ro; \
        GRANT SELECT, INSERT ON shop.orders TO grants_app; GRANT UPDATE (title) ON shop.orders TO grants_app; \
        GRANT SELECT ON shop.lines TO grants_app WITH GRANT OPTION; \
        GRANT SELECT ON shop.titles TO grants_app; GRANT USAGE ON SEQUENCE shop.numbers TO grants_app; \
        GRANT EXECUTE ON FUNCTION shop.total TO grants_app; GRANT EXECUTE ON PROCEDURE shop.close TO grants_app; \
        GRANT SELECT ON LARGE OBJECT 4711 TO grants_app; \
        GRANT SELECT ON ALL TABLES IN SCHEMA shop TO grants_team; GRANT SELECT ON vault.secret TO grants_team; \
        REVOKE SELECT ON vault.secret FROM grants_team; \
        ALTER DEFAULT PRIVILEGES FOR ROLE grants_owner IN SCHEMA shop GRANT SELECT ON TABLES TO grants_ro",
    desired: "[pg_grant.grants_app]\ndatabase = \"lab\"\ngrants = [\"USAGE on schema shop\", \"SELECT, INSERT, UPDATE (title) on shop.orders\", \
        \"SELECT on shop.lines with grant option granted by grants_owner\", \"SELECT on shop.titles\", \"USAGE on sequence shop.numbers\", \
        \"EXECUTE on function shop.total(integer, text)\", \"EXECUTE on procedure shop.close(integer)\", \
        \"SELECT on large object 4711\"]\nelsewhere = [\"REFERENCES on shop.orders\"]\n\
        [pg_grant.PUBLIC]\ndatabase = \"lab\"\ngrants = [\"CONNECT, TEMPORARY on database THIS_DATABASE\", \"USAGE on schema public\", \
        \"EXECUTE on function shop.everybody()\", \"USAGE on type shop.state\"]\n\
        [pg_grant.grants_team]\ndatabase = \"lab\"\nwithin = [\"sh*\"]\n\
        grants = [\"USAGE on schema shop\", \"SELECT on all tables in schema shop\"]\n\
        [pg_grant.grants_owner]\ndatabase = \"lab\"\ngrants = []\n\
        [pg_grant.grants_member]\ndatabase = \"lab\"\n\
        allowed = [\"SELECT on shop.orders\", \"CONNECT on database THIS_DATABASE\", \"EXECUTE on function shop.everybody()\"]\n\
        denied = [\"UPDATE on all tables in schema shop\", \"EXECUTE on function shop.total(integer, text)\", \
        \"CREATE on schema shop\", \"SET on parameter log_min_messages\", \"SELECT on large object 4711\", \
        \"USAGE on foreign server shop_far\"]\n\
        [pg_grant.\"on shop.lines\"]\ndatabase = \"lab\"\n\
        grants = [\"SELECT to grants_app with grant option\", \"SELECT to grants_team\"]\n\
        [pg_grant.\"on future tables of grants_owner in schema shop\"]\ndatabase = \"lab\"\ngrants = [\"SELECT to grants_ro\"]\n\
        [pg_grant.\"in schema vault\"]\ndatabase = \"lab\"\n\
        grants = [\"USAGE on schema vault to grants_ro\", \"SELECT on vault.secret to grants_ro\"]\n\
        digest = \"0634475d171fd850feca331418dd9eb4898e72f95dbf9fee36aaddbd21ba4367\"\n",
    cases: &[
        case(
            "a table is granted",
            "GRANT DELETE ON shop.orders TO grants_app",
            &[(APP, "DELETE on shop.orders to grants_app")],
        ),
        case(
            "a view is revoked",
            "REVOKE SELECT ON shop.titles FROM grants_app",
            &[(APP, "SELECT on shop.titles to grants_app")],
        ),
        case(
            "another column is granted",
            "GRANT UPDATE (body) ON shop.orders TO grants_app",
            &[(APP, "UPDATE (body) on shop.orders to grants_app")],
        ),
        case(
            "a column is revoked",
            "REVOKE UPDATE (title) ON shop.orders FROM grants_app",
            &[(APP, "UPDATE (title) on shop.orders to grants_app")],
        ),
        case(
            "a column that is granted is dropped",
            "ALTER TABLE shop.orders DROP COLUMN title CASCADE",
            &[
                (APP, "SELECT on shop.titles to grants_app"),
                (APP, "UPDATE (title) on shop.orders to grants_app"),
            ],
        ),
        case(
            "a function is opened to everybody",
            "GRANT EXECUTE ON FUNCTION shop.total TO PUBLIC",
            &[
                (PUBLIC, "EXECUTE on function shop.total(integer, text) to PUBLIC"),
                (MEMBER, "EXECUTE on function shop.total(integer, text)"),
            ],
        ),
        case(
            "a function is closed to everybody",
            "REVOKE EXECUTE ON FUNCTION shop.everybody() FROM PUBLIC",
            &[
                (PUBLIC, "EXECUTE on function shop.everybody() to PUBLIC"),
                (MEMBER, "EXECUTE on function shop.everybody()"),
            ],
        ),
        case(
            "a new function is open to everybody, as all are",
            "CREATE FUNCTION shop.fresh() RETURNS int LANGUAGE sql AS 'SELECT 1'",
            &[(PUBLIC, "EXECUTE on function shop.fresh() to PUBLIC")],
        ),
        case(
            "a function gets other arguments",
            "DROP FUNCTION shop.total; CREATE FUNCTION shop.total(int) RETURNS int LANGUAGE sql AS 'SELECT 1'",
            &[
                (APP, "EXECUTE on function shop.total(integer, text) to grants_app"),
                (PUBLIC, "EXECUTE on function shop.total(integer) to PUBLIC"),
                (MEMBER, "EXECUTE on function shop.total(integer, text)"),
            ],
        ),
        case(
            "a procedure is revoked",
            "REVOKE EXECUTE ON PROCEDURE shop.close FROM grants_app",
            &[(APP, "EXECUTE on procedure shop.close(integer) to grants_app")],
        ),
        case(
            "a schema is opened for making things",
            "GRANT CREATE ON SCHEMA shop TO grants_app",
            &[(APP, "CREATE on schema shop to grants_app")],
        ),
        case(
            "everybody may make things in a schema",
            "GRANT CREATE ON SCHEMA shop TO PUBLIC",
            &[(PUBLIC, "CREATE on schema shop to PUBLIC"), (MEMBER, "CREATE on schema shop")],
        ),
        case(
            "a sequence is granted further",
            "GRANT UPDATE ON SEQUENCE shop.numbers TO grants_app",
            &[(APP, "UPDATE on sequence shop.numbers to grants_app")],
        ),
        case(
            "a sequence is revoked",
            "REVOKE USAGE ON SEQUENCE shop.numbers FROM grants_app",
            &[(APP, "USAGE on sequence shop.numbers to grants_app")],
        ),
        case(
            "default privileges of a schema are added",
            "ALTER DEFAULT PRIVILEGES FOR ROLE grants_owner IN SCHEMA shop GRANT INSERT ON TABLES TO grants_ro",
            &[(FUTURE, "INSERT on future tables of grants_owner in schema shop to grants_ro")],
        ),
        case(
            "default privileges of a schema are taken away",
            "ALTER DEFAULT PRIVILEGES FOR ROLE grants_owner IN SCHEMA shop REVOKE SELECT ON TABLES FROM grants_ro",
            &[(FUTURE, "SELECT on future tables of grants_owner in schema shop to grants_ro")],
        ),
        case(
            "default privileges of a role are added",
            "ALTER DEFAULT PRIVILEGES FOR ROLE grants_owner GRANT USAGE ON SEQUENCES TO grants_app",
            &[(APP, "USAGE on future sequences of grants_owner to grants_app")],
        ),
        case(
            "future functions are closed to everybody",
            "ALTER DEFAULT PRIVILEGES FOR ROLE grants_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC",
            &[(PUBLIC, "EXECUTE on future functions of grants_owner to PUBLIC")],
        ),
        case(
            "a database is granted",
            "DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO grants_app', current_database()); END $$",
            &[(APP, "CREATE on database THIS_DATABASE to grants_app")],
        ),
        case(
            "a database is closed for temporary tables",
            "DO $$ BEGIN EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database()); END $$",
            &[(PUBLIC, "TEMPORARY on database THIS_DATABASE to PUBLIC")],
        ),
        cluster(
            "a setting is granted",
            "GRANT SET ON PARAMETER log_min_messages TO grants_app",
            "REVOKE SET ON PARAMETER log_min_messages FROM grants_app",
            &[(APP, "SET on parameter log_min_messages to grants_app")],
        )
        .since(15),
        cluster(
            "everybody may set a setting",
            "GRANT SET ON PARAMETER log_min_messages TO PUBLIC",
            "REVOKE SET ON PARAMETER log_min_messages FROM PUBLIC",
            &[
                (PUBLIC, "SET on parameter log_min_messages to PUBLIC"),
                (MEMBER, "SET on parameter log_min_messages"),
            ],
        )
        .since(15),
        cluster(
            "a tablespace is granted",
            "GRANT CREATE ON TABLESPACE pg_default TO grants_app",
            "REVOKE CREATE ON TABLESPACE pg_default FROM grants_app",
            &[(APP, "CREATE on tablespace pg_default to grants_app")],
        ),
        case(
            "a large object is granted further",
            "GRANT UPDATE ON LARGE OBJECT 4711 TO grants_app",
            &[(APP, "UPDATE on large object 4711 to grants_app")],
        ),
        case(
            "a large object is revoked",
            "REVOKE SELECT ON LARGE OBJECT 4711 FROM grants_app",
            &[(APP, "SELECT on large object 4711 to grants_app")],
        ),
        case(
            "another large object is granted",
            "GRANT SELECT ON LARGE OBJECT 4712 TO grants_app",
            &[(APP, "SELECT on large object 4712 to grants_app")],
        ),
        case(
            "a large object is granted to a group",
            "GRANT SELECT ON LARGE OBJECT 4711 TO grants_team",
            &[(MEMBER, "SELECT on large object 4711")],
        ),
        case(
            "a type is granted",
            "GRANT USAGE ON TYPE shop.state TO grants_app",
            &[(APP, "USAGE on type shop.state to grants_app")],
        ),
        case(
            "a type is closed to everybody",
            "REVOKE USAGE ON TYPE shop.state FROM PUBLIC",
            &[(PUBLIC, "USAGE on type shop.state to PUBLIC")],
        ),
        case(
            "a domain comes",
            "CREATE DOMAIN shop.amount AS int",
            &[(PUBLIC, "USAGE on type shop.amount to PUBLIC")],
        ),
        case(
            "a row type is granted",
            "GRANT USAGE ON TYPE shop.orders TO grants_app",
            &[(APP, "USAGE on type shop.orders to grants_app")],
        ),
        case(
            "a foreign data wrapper is granted",
            "GRANT USAGE ON FOREIGN DATA WRAPPER shop_fdw TO grants_app",
            &[(APP, "USAGE on foreign data wrapper shop_fdw to grants_app")],
        ),
        case(
            "a foreign server is granted",
            "GRANT USAGE ON FOREIGN SERVER shop_far TO grants_app",
            &[(APP, "USAGE on foreign server shop_far to grants_app")],
        ),
        case(
            "a foreign server is opened to everybody",
            "GRANT USAGE ON FOREIGN SERVER shop_far TO PUBLIC",
            &[
                (PUBLIC, "USAGE on foreign server shop_far to PUBLIC"),
                (MEMBER, "USAGE on foreign server shop_far"),
            ],
        ),
        case(
            "a language is granted",
            "GRANT USAGE ON LANGUAGE plpgsql TO grants_app",
            &[(APP, "USAGE on language plpgsql to grants_app")],
        ),
        case(
            "a language is closed to everybody",
            "REVOKE USAGE ON LANGUAGE plpgsql FROM PUBLIC",
            &[(PUBLIC, "USAGE on language plpgsql to PUBLIC")],
        ),
        case(
            "a grant may be passed on",
            "GRANT INSERT ON shop.orders TO grants_app WITH GRANT OPTION",
            &[(APP, "INSERT on shop.orders to grants_app")],
        ),
        case(
            "a grant may be passed on no more",
            "REVOKE GRANT OPTION FOR SELECT ON shop.lines FROM grants_app",
            &[
                (APP, "SELECT on shop.lines to grants_app"),
                (LINES, "SELECT on shop.lines to grants_app"),
            ],
        ),
        case(
            "a grant was granted by another",
            "GRANT SELECT ON shop.lines TO grants_ro WITH GRANT OPTION; \
            REVOKE SELECT ON shop.lines FROM grants_app; SET ROLE grants_ro; \
            GRANT SELECT ON shop.lines TO grants_app WITH GRANT OPTION; RESET ROLE",
            &[
                (APP, "SELECT on shop.lines to grants_app"),
                (LINES, "SELECT on shop.lines to grants_ro"),
            ],
        ),
        case(
            "a grant is passed on",
            "SET ROLE grants_app; GRANT SELECT ON shop.lines TO grants_ro; RESET ROLE",
            &[(LINES, "SELECT on shop.lines to grants_ro")],
        ),
        case(
            "everybody may read files of the server",
            "GRANT EXECUTE ON FUNCTION pg_catalog.pg_read_file(text) TO PUBLIC",
            &[(PUBLIC, "EXECUTE on function pg_catalog.pg_read_file(text) to PUBLIC")],
        ),
        case(
            "a role may read password hashes",
            "GRANT SELECT ON pg_catalog.pg_authid TO grants_app",
            &[(APP, "SELECT on pg_catalog.pg_authid to grants_app")],
        ),
        case(
            "a role may read one column of password hashes",
            "GRANT SELECT (rolpassword) ON pg_catalog.pg_authid TO grants_app",
            &[(APP, "SELECT (rolpassword) on pg_catalog.pg_authid to grants_app")],
        ),
        case(
            "a view of the system is closed to everybody",
            "REVOKE SELECT ON pg_catalog.pg_tables FROM PUBLIC",
            &[(PUBLIC, "SELECT on pg_catalog.pg_tables to PUBLIC")],
        ),
        case(
            "a view of the standard is closed to everybody",
            "REVOKE SELECT ON information_schema.tables FROM PUBLIC",
            &[(PUBLIC, "SELECT on information_schema.tables to PUBLIC")],
        ),
        case(
            "the schema of the standard is granted",
            "GRANT CREATE ON SCHEMA information_schema TO grants_app",
            &[(APP, "CREATE on schema information_schema to grants_app")],
        ),
        cluster(
            "an inherited privilege is lost",
            LOSES_INHERITANCE,
            INHERITS,
            &[(MEMBER, "SELECT on shop.orders"), (MEMBER, "EXECUTE on function shop.everybody()")],
        ),
        cluster(
            "a membership is lost",
            "REVOKE grants_team FROM grants_member",
            "GRANT grants_team TO grants_member",
            &[(MEMBER, "SELECT on shop.orders"), (MEMBER, "EXECUTE on function shop.everybody()")],
        ),
        case(
            "a schema is closed to a group",
            "REVOKE USAGE ON SCHEMA shop FROM grants_team",
            &[
                (TEAM, "USAGE on schema shop to grants_team"),
                (MEMBER, "SELECT on shop.orders"),
                (MEMBER, "EXECUTE on function shop.everybody()"),
            ],
        ),
        case(
            "what is denied is granted to a group",
            "GRANT UPDATE ON shop.orders TO grants_team",
            &[(TEAM, "UPDATE on shop.orders to grants_team"), (MEMBER, "UPDATE on shop.orders")],
        ),
        case(
            "one column of what is denied is granted",
            "GRANT UPDATE (id) ON shop.lines TO grants_member",
            &[
                (LINES, "UPDATE (id) on shop.lines to grants_member"),
                (MEMBER, "UPDATE on shop.lines"),
            ],
        ),
        cluster(
            "a role may become another",
            "CREATE ROLE grants_between NOINHERIT; GRANT grants_app TO grants_between; \
            GRANT grants_between TO grants_member",
            "DROP ROLE grants_between",
            &[
                (MEMBER, "UPDATE on shop.orders"),
                (MEMBER, "EXECUTE on function shop.total(integer, text)"),
                (MEMBER, "SELECT on large object 4711"),
            ],
        ),
        cluster(
            "a role writes everything by a predefined role",
            "GRANT pg_write_all_data TO grants_member",
            "REVOKE pg_write_all_data FROM grants_member",
            &[
                (MEMBER, "UPDATE on shop.lines"),
                (MEMBER, "UPDATE on shop.orders"),
                (MEMBER, "UPDATE on shop.titles"),
            ],
        )
        .since(14),
        cluster(
            "a role becomes a superuser",
            "ALTER ROLE grants_member SUPERUSER",
            "ALTER ROLE grants_member NOSUPERUSER",
            &[
                (MEMBER, "UPDATE on shop.lines"),
                (MEMBER, "UPDATE on shop.orders"),
                (MEMBER, "UPDATE on shop.titles"),
                (MEMBER, "EXECUTE on function shop.total(integer, text)"),
                (MEMBER, "CREATE on schema shop"),
                (MEMBER, "SET on parameter log_min_messages"),
                (MEMBER, "SELECT on large object 4711"),
                (MEMBER, "USAGE on foreign server shop_far"),
            ],
        ),
        cluster(
            "a role is renamed",
            "ALTER ROLE grants_app RENAME TO grants_renamed",
            "ALTER ROLE grants_renamed RENAME TO grants_app",
            &[
                (APP, "presence"),
                (LINES, "SELECT on shop.lines to grants_app"),
                (LINES, "SELECT on shop.lines to grants_renamed"),
            ],
        ),
        case(
            "an owner takes a right from itself",
            "REVOKE DELETE ON shop.orders FROM grants_owner",
            &[(OWNER, "DELETE on shop.orders to grants_owner")],
        ),
        case(
            "an owner closes its schema to itself",
            "REVOKE CREATE ON SCHEMA shop FROM grants_owner",
            &[(OWNER, "CREATE on schema shop to grants_owner")],
        ),
        case(
            "a table is dropped",
            "DROP TABLE shop.lines",
            &[(APP, "SELECT on shop.lines to grants_app"), (LINES, "presence")],
        ),
        case(
            "a table is made again without its grants",
            "DROP VIEW shop.titles; CREATE VIEW shop.titles AS SELECT title FROM shop.orders",
            &[
                (APP, "SELECT on shop.titles to grants_app"),
                (TEAM, "SELECT on shop.titles to grants_team"),
            ],
        ),
        case(
            "a table comes that a group cannot read",
            "CREATE TABLE shop.fresh (n int)",
            &[(TEAM, "SELECT on shop.fresh to grants_team")],
        ),
        case(
            "a table in a schema is granted",
            "GRANT INSERT ON vault.secret TO grants_ro",
            &[(VAULT, "INSERT on vault.secret to grants_ro"), (VAULT, "digest")],
        ),
        case(
            "a schema's own list changes",
            "REVOKE USAGE ON SCHEMA vault FROM grants_ro",
            &[(VAULT, "USAGE on schema vault to grants_ro"), (VAULT, "digest")],
        ),
        case("a schema is dropped", "DROP SCHEMA vault CASCADE", &[(VAULT, "presence")]),
        case(
            "a list of privileges is edited by hand",
            "UPDATE pg_catalog.pg_class SET relacl = relacl || \
            makeaclitem('grants_app'::regrole, relowner, 'TRUNCATE', false) WHERE relname = 'orders'",
            &[(APP, "TRUNCATE on shop.orders to grants_app")],
        ),
        // What must stay quiet.
        case(
            "what is granted is revoked and granted again",
            "REVOKE ALL ON shop.orders FROM grants_app; \
            GRANT INSERT ON shop.orders TO grants_app; GRANT UPDATE (title), SELECT ON shop.orders TO grants_app",
            &[],
        ),
        case(
            "the order of a list changes",
            "REVOKE ALL ON shop.lines FROM grants_app, grants_team; GRANT SELECT ON shop.lines TO grants_team; \
            GRANT SELECT ON shop.lines TO grants_app WITH GRANT OPTION",
            &[],
        ),
        case("what is granted is granted again", "GRANT SELECT ON shop.orders TO grants_app", &[]),
        case(
            "a second role grants the same",
            "GRANT SELECT ON shop.orders TO grants_ro WITH GRANT OPTION; SET ROLE grants_ro; \
            GRANT SELECT ON shop.orders TO grants_app; RESET ROLE",
            &[],
        ),
        case("an owner is granted what it has", "GRANT ALL ON shop.orders TO grants_owner", &[]),
        case(
            "a built-in default is written out",
            "GRANT EXECUTE ON FUNCTION shop.everybody() TO PUBLIC",
            &[],
        ),
        case(
            "outside of the range something is granted",
            "GRANT SELECT ON pg_catalog.pg_authid TO grants_team",
            &[],
        ),
        case(
            "what another table decides is granted",
            "GRANT REFERENCES ON shop.orders TO grants_app",
            &[],
        ),
        case("an extension comes with its functions", "CREATE EXTENSION btree_gist", &[]),
        case(
            "a session has a temporary function",
            "CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
            &[],
        ),
        case(
            "a table gets another owner, and keeps its list",
            "ALTER TABLE shop.orders OWNER TO grants_ro",
            &[],
        ),
        case("a table is analyzed", "ANALYZE shop.orders", &[]),
    ],
};
