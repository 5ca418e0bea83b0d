//! The guard of a proof: whatever is altered about it is reported. What only servers know that can grant settings stands in a
//! group of its own.

use super::{Case, Group, case, cluster};

pub(crate) const GROUP: Group = Group {
    name: "guards",
    title: "Guards of proofs",
    setup: SETUP,
    desired: DESIRED,
    cases: CASES,
};

pub(crate) const SETTINGS: Group = Group {
    name: "guardset",
    title: "Settings of provers",
    setup: SETTINGS_SETUP,
    desired: SETTINGS_DESIRED,
    cases: SETTINGS_CASES,
};

macro_rules! setup {
    ($schema:literal, $owner:literal, $one:literal, $two:literal) => {
        concat!(
            "CREATE ROLE ", $one, " LOGIN; CREATE ROLE ", $two, " LOGIN; CREATE ROLE ", $owner, " NOLOGIN; ",
            "CREATE SCHEMA ", $schema, " AUTHORIZATION ", $owner, "; ",
            "CREATE TABLE ", $schema, ".pill (n integer) USING heap; ",
            "CREATE FUNCTION ", $schema, ".refuse() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER ",
            "SET search_path = pg_catalog AS $refuse$\nBEGIN\n    RAISE EXCEPTION ",
            "'countersign: this transaction may not commit' USING ERRCODE = 'CSP01';\nEND\n$refuse$; ",
            "REVOKE ALL ON FUNCTION ", $schema, ".refuse() FROM PUBLIC; ",
            "CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON ", $schema, ".pill DEFERRABLE INITIALLY DEFERRED ",
            "FOR EACH ROW EXECUTE FUNCTION ", $schema, ".refuse(); ",
            "ALTER TABLE ", $schema, ".pill ENABLE ALWAYS TRIGGER refuse; ",
            "ALTER TABLE ", $schema, ".pill OWNER TO ", $owner, "; ",
            "ALTER FUNCTION ", $schema, ".refuse() OWNER TO ", $owner, "; ",
            "GRANT USAGE ON SCHEMA ", $schema, " TO ", $one, ", ", $two, "; ",
            "GRANT INSERT ON ", $schema, ".pill TO ", $one, ", ", $two, "; ",
            "DO $$ BEGIN IF pg_catalog.current_setting('server_version_num')::int >= 150000 THEN ",
            "EXECUTE 'GRANT SET ON PARAMETER track_functions, deadlock_timeout TO ", $one, ", ", $two, "'; END IF; END $$; "
        )
    };
}

const SETUP: &str = concat!(
    setup!("guards", "guards_owner", "guards_exec", "guards_verify"),
    "CREATE ROLE guards_other LOGIN; CREATE ROLE guards_group; GRANT guards_group TO guards_exec; \
     CREATE TABLE public.unit (n integer)"
);

const DESIRED: &str = r#"
[proof_guard.guards]
database = "lab"
owner = "guards_owner"
provers = ["guards_exec", "guards_verify"]

[proof_guard.guards_never]
database = "lab"
present = false
"#;

const IT: &str = "proof_guard.guards";

const CASES: &[Case] = &[
    case(
        "a schema comes that shall not be",
        "CREATE SCHEMA guards_never",
        &[("proof_guard.guards_never", "presence")],
    ),
    case(
        "the trigger is disabled",
        "ALTER TABLE guards.pill DISABLE TRIGGER refuse",
        &[(IT, "trigger.enabled")],
    ),
    case(
        "all triggers are disabled",
        "ALTER TABLE guards.pill DISABLE TRIGGER ALL",
        &[(IT, "trigger.enabled")],
    ),
    case(
        "the trigger no longer fires for replicas",
        "ALTER TABLE guards.pill ENABLE TRIGGER refuse",
        &[(IT, "trigger.enabled")],
    ),
    case(
        "the trigger fires for replicas only",
        "ALTER TABLE guards.pill ENABLE REPLICA TRIGGER refuse",
        &[(IT, "trigger.enabled")],
    ),
    case("the trigger is dropped", "DROP TRIGGER refuse ON guards.pill", &[(IT, "trigger")]),
    case(
        "the trigger is renamed",
        "ALTER TRIGGER refuse ON guards.pill RENAME TO accept",
        &[
            (IT, "trigger"),
            (IT, "trigger accept on guards.pill"),
            (IT, "table constraint refuse on guards.pill"),
        ],
    ),
    case(
        "the trigger cannot be deferred",
        "DROP TRIGGER refuse ON guards.pill; CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON guards.pill \
         FOR EACH ROW EXECUTE FUNCTION guards.refuse(); ALTER TABLE guards.pill ENABLE ALWAYS TRIGGER refuse",
        &[(IT, "trigger.deferrable"), (IT, "trigger.initially_deferred")],
    ),
    case(
        "the trigger is not deferred from the start",
        "DROP TRIGGER refuse ON guards.pill; CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON guards.pill DEFERRABLE \
         FOR EACH ROW EXECUTE FUNCTION guards.refuse(); ALTER TABLE guards.pill ENABLE ALWAYS TRIGGER refuse",
        &[(IT, "trigger.initially_deferred")],
    ),
    case(
        "the trigger becomes an ordinary one",
        "DROP TRIGGER refuse ON guards.pill; CREATE TRIGGER refuse AFTER INSERT ON guards.pill \
         FOR EACH ROW EXECUTE FUNCTION guards.refuse(); ALTER TABLE guards.pill ENABLE ALWAYS TRIGGER refuse",
        &[
            (IT, "trigger.deferrable"),
            (IT, "trigger.initially_deferred"),
            (IT, "trigger.constraint"),
        ],
    ),
    case(
        "the trigger fires before, and for a statement",
        "DROP TRIGGER refuse ON guards.pill; CREATE TRIGGER refuse BEFORE INSERT ON guards.pill \
         FOR EACH STATEMENT EXECUTE FUNCTION guards.refuse(); ALTER TABLE guards.pill ENABLE ALWAYS TRIGGER refuse",
        &[
            (IT, "trigger.deferrable"),
            (IT, "trigger.initially_deferred"),
            (IT, "trigger.constraint"),
            (IT, "trigger.timing"),
            (IT, "trigger.level"),
        ],
    ),
    case(
        "the trigger fires at something else",
        "DROP TRIGGER refuse ON guards.pill; CREATE CONSTRAINT TRIGGER refuse AFTER DELETE ON guards.pill DEFERRABLE \
         INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION guards.refuse(); \
         ALTER TABLE guards.pill ENABLE ALWAYS TRIGGER refuse",
        &[(IT, "trigger.events")],
    ),
    case(
        "the trigger gets a condition",
        "DROP TRIGGER refuse ON guards.pill; CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON guards.pill DEFERRABLE \
         INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.n > 1) EXECUTE FUNCTION guards.refuse(); \
         ALTER TABLE guards.pill ENABLE ALWAYS TRIGGER refuse",
        &[(IT, "trigger.narrowed_by")],
    ),
    case(
        "the trigger calls another function",
        "CREATE FUNCTION public.accept() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'; \
         DROP TRIGGER refuse ON guards.pill; CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON guards.pill DEFERRABLE \
         INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.accept(); \
         ALTER TABLE guards.pill ENABLE ALWAYS TRIGGER refuse",
        &[(IT, "trigger.schema"), (IT, "trigger.function")],
    ),
    case(
        "the function raises nothing",
        "CREATE OR REPLACE FUNCTION guards.refuse() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER \
         SET search_path = pg_catalog AS 'BEGIN RETURN NULL; END'",
        &[(IT, "function.body")],
    ),
    case(
        "the function no longer has its owner's rights",
        "ALTER FUNCTION guards.refuse() SECURITY INVOKER",
        &[(IT, "function.definer")],
    ),
    case(
        "the function loses its search path",
        "ALTER FUNCTION guards.refuse() RESET search_path",
        &[(IT, "function.settings")],
    ),
    case(
        "the function gets another setting",
        "ALTER FUNCTION guards.refuse() SET work_mem = '1MB'",
        &[(IT, "function.settings")],
    ),
    case(
        "the function gets another owner",
        "ALTER FUNCTION guards.refuse() OWNER TO guards_exec",
        &[(IT, "function.owner")],
    ),
    case(
        "the function is called stable",
        "ALTER FUNCTION guards.refuse() STABLE",
        &[(IT, "function.volatility")],
    ),
    case(
        "the function is called leakproof",
        "ALTER FUNCTION guards.refuse() LEAKPROOF",
        &[(IT, "function.leakproof")],
    ),
    case(
        "the function is called strict",
        "ALTER FUNCTION guards.refuse() STRICT",
        &[(IT, "function.strict")],
    ),
    case(
        "the function is called parallel",
        "ALTER FUNCTION guards.refuse() PARALLEL SAFE",
        &[(IT, "function.parallel")],
    ),
    case(
        "the function gets another cost",
        "ALTER FUNCTION guards.refuse() COST 7",
        &[(IT, "function.cost")],
    ),
    case(
        "the function is opened to everybody",
        "GRANT EXECUTE ON FUNCTION guards.refuse() TO PUBLIC",
        &[(IT, "EXECUTE on function guards.refuse() to PUBLIC")],
    ),
    case(
        "the function is dropped with its trigger",
        "DROP FUNCTION guards.refuse() CASCADE",
        &[(IT, "function"), (IT, "trigger")],
    ),
    case(
        "another function comes into the schema",
        "CREATE FUNCTION guards.refuse(integer) RETURNS integer LANGUAGE sql AS 'SELECT 1'",
        &[(IT, "function guards.refuse(integer)")],
    ),
    case(
        "the pill gets another owner",
        "ALTER TABLE guards.pill OWNER TO guards_other",
        &[(IT, "pill.owner")],
    ),
    case(
        "a prover owns the pill",
        "ALTER TABLE guards.pill OWNER TO guards_exec",
        &[(IT, "pill.owner"), (IT, "INSERT on guards.pill to guards_exec")],
    ),
    case(
        "the pill is unlogged",
        "ALTER TABLE guards.pill SET UNLOGGED",
        &[(IT, "pill.persistence")],
    ),
    case("the pill gets a column", "ALTER TABLE guards.pill ADD m text", &[(IT, "pill.columns")]),
    case(
        "the pill's column gets another type",
        "ALTER TABLE guards.pill ALTER n TYPE bigint",
        &[(IT, "pill.columns")],
    ),
    case(
        "the pill's column gets more statistics",
        "ALTER TABLE guards.pill ALTER n SET STATISTICS 7",
        &[(IT, "pill.columns")],
    ),
    case(
        "the constraint of the trigger is renamed",
        "ALTER TABLE guards.pill RENAME CONSTRAINT refuse TO accept",
        &[(IT, "trigger.constraint")],
    ),
    case(
        "the pill's column must not be null",
        "ALTER TABLE guards.pill ALTER n SET NOT NULL",
        &[(IT, "pill.columns")],
    ),
    case(
        "the pill's column gets a default",
        "ALTER TABLE guards.pill ALTER n SET DEFAULT 7",
        &[(IT, "pill.columns"), (IT, "default value for guards.pill.n")],
    ),
    case(
        "row security is on",
        "ALTER TABLE guards.pill ENABLE ROW LEVEL SECURITY",
        &[(IT, "pill.row_security")],
    ),
    case(
        "row security holds for the owner",
        "ALTER TABLE guards.pill FORCE ROW LEVEL SECURITY",
        &[(IT, "pill.forced_row_security")],
    ),
    case(
        "the pill gets a policy",
        "CREATE POLICY deny ON guards.pill USING (false)",
        &[(IT, "policy deny on guards.pill")],
    ),
    case(
        "a rule does something instead",
        "CREATE RULE nothing AS ON INSERT TO guards.pill DO INSTEAD NOTHING",
        &[(IT, "rule nothing on guards.pill")],
    ),
    case(
        "another trigger comes to the pill",
        "CREATE FUNCTION public.accept() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'; \
         CREATE TRIGGER aaa BEFORE INSERT ON guards.pill FOR EACH ROW EXECUTE FUNCTION public.accept()",
        &[(IT, "trigger aaa on guards.pill")],
    ),
    case(
        "the pill gets an index",
        "CREATE INDEX pill_n ON guards.pill (n)",
        &[(IT, "index guards.pill_n")],
    ),
    case(
        "the pill gets a constraint",
        "ALTER TABLE guards.pill ADD CONSTRAINT never CHECK (n > 7)",
        &[(IT, "table constraint never on guards.pill")],
    ),
    case(
        "the pill gets an heir",
        "CREATE TABLE public.heir () INHERITS (guards.pill)",
        &[(IT, "table public.heir")],
    ),
    case(
        "the pill becomes an heir",
        "ALTER TABLE guards.pill INHERIT public.unit",
        &[(IT, "pill.inherits")],
    ),
    case(
        "the pill becomes a partition",
        "CREATE TABLE public.whole (n integer) PARTITION BY LIST (n); \
         ALTER TABLE public.whole ATTACH PARTITION guards.pill DEFAULT",
        &[(IT, "pill.inherits")],
    ),
    case(
        "the pill gets a storage parameter",
        "ALTER TABLE guards.pill SET (fillfactor = 70)",
        &[(IT, "pill.options")],
    ),
    case(
        "the pill identifies its rows otherwise",
        "ALTER TABLE guards.pill REPLICA IDENTITY FULL",
        &[(IT, "pill.replica_identity")],
    ),
    case(
        "a view is made of the pill",
        "CREATE VIEW public.pills AS SELECT * FROM guards.pill",
        &[(IT, "rule \"_RETURN\" on public.pills")],
    ),
    case(
        "the pill is published",
        "CREATE PUBLICATION guards_out FOR TABLE guards.pill",
        &[(IT, "publication relation guards.pill in publication guards_out")],
    ),
    case(
        "the pill is renamed",
        "ALTER TABLE guards.pill RENAME TO sweet",
        &[
            (IT, "pill"),
            (IT, "trigger"),
            (IT, "trigger refuse on guards.sweet"),
            (IT, "table guards.sweet"),
        ],
    ),
    case(
        "a view stands in the pill's place",
        "DROP TABLE guards.pill; CREATE VIEW guards.pill AS SELECT 1 AS n; ALTER VIEW guards.pill OWNER TO guards_owner; \
         GRANT INSERT ON guards.pill TO guards_exec, guards_verify",
        &[
            (IT, "pill.kind"),
            (IT, "pill.access_method"),
            (IT, "pill.replica_identity"),
            (IT, "rule \"_RETURN\" on guards.pill"),
            (IT, "trigger"),
        ],
    ),
    case(
        "another table comes into the schema",
        "CREATE TABLE guards.more (n integer)",
        &[(IT, "table guards.more")],
    ),
    case(
        "default privileges come into the schema",
        "ALTER DEFAULT PRIVILEGES FOR ROLE guards_owner IN SCHEMA guards GRANT SELECT ON TABLES TO guards_other",
        &[(IT, "default acl for role guards_owner in schema guards on tables")],
    ),
    case(
        "the schema gets another owner",
        "ALTER SCHEMA guards OWNER TO guards_other",
        &[(IT, "schema.owner")],
    ),
    case(
        "the schema is gone",
        "DROP SCHEMA guards CASCADE",
        &[(IT, "schema"), (IT, "pill"), (IT, "function"), (IT, "trigger")],
    ),
    case(
        "a prover may make things in the schema",
        "GRANT CREATE ON SCHEMA guards TO guards_exec",
        &[(IT, "CREATE on schema guards to guards_exec")],
    ),
    case(
        "everybody may look into the schema",
        "GRANT USAGE ON SCHEMA guards TO PUBLIC",
        &[(IT, "USAGE on schema guards to PUBLIC")],
    ),
    case(
        "a prover may take the row away",
        "GRANT DELETE ON guards.pill TO guards_exec",
        &[(IT, "DELETE on guards.pill to guards_exec")],
    ),
    case(
        "a prover's group may empty the pill",
        "GRANT TRUNCATE ON guards.pill TO guards_group",
        &[(IT, "TRUNCATE on guards.pill to guards_group")],
    ),
    case(
        "somebody else may insert",
        "GRANT INSERT ON guards.pill TO guards_other",
        &[(IT, "INSERT on guards.pill to guards_other")],
    ),
    case(
        "a column is granted",
        "GRANT SELECT (n) ON guards.pill TO guards_other",
        &[(IT, "SELECT (n) on guards.pill to guards_other")],
    ),
    case(
        "a prover may pass it on",
        "GRANT INSERT ON guards.pill TO guards_exec WITH GRANT OPTION",
        &[(IT, "INSERT on guards.pill to guards_exec")],
    ),
    case(
        "a prover may not insert",
        "REVOKE INSERT ON guards.pill FROM guards_exec",
        &[(IT, "INSERT on guards.pill to guards_exec")],
    ),
    case(
        "the owner may not insert",
        "REVOKE INSERT ON guards.pill FROM guards_owner",
        &[(IT, "INSERT on guards.pill to guards_owner")],
    ),
    case(
        "the type of a row is closed",
        "REVOKE USAGE ON TYPE guards.pill FROM PUBLIC",
        &[(IT, "USAGE on type guards.pill to PUBLIC")],
    ),
    case(
        "the schema gets a comment",
        "COMMENT ON SCHEMA guards IS 'ours'",
        &[(IT, "schema.comment")],
    ),
    case(
        "the pill gets a comment",
        "COMMENT ON TABLE guards.pill IS 'ours'",
        &[(IT, "pill.comment")],
    ),
    case(
        "the function gets a comment",
        "COMMENT ON FUNCTION guards.refuse() IS 'ours'",
        &[(IT, "function.comment")],
    ),
    case(
        "the trigger gets a comment",
        "COMMENT ON TRIGGER refuse ON guards.pill IS 'ours'",
        &[(IT, "trigger.comment")],
    ),
    case(
        "the trigger depends on an extension",
        "ALTER TRIGGER refuse ON guards.pill DEPENDS ON EXTENSION plpgsql",
        &[(IT, "extension plpgsql")],
    ),
    cluster(
        "the owner may log in",
        "ALTER ROLE guards_owner LOGIN",
        "ALTER ROLE guards_owner NOLOGIN",
        &[(IT, "owner.login")],
    ),
    cluster(
        "the owner is a superuser",
        "ALTER ROLE guards_owner SUPERUSER",
        "ALTER ROLE guards_owner NOSUPERUSER",
        &[(IT, "owner.superuser")],
    ),
    cluster(
        "the owner may create roles",
        "ALTER ROLE guards_owner CREATEROLE",
        "ALTER ROLE guards_owner NOCREATEROLE",
        &[(IT, "owner.createrole")],
    ),
    cluster(
        "the owner may create databases",
        "ALTER ROLE guards_owner CREATEDB",
        "ALTER ROLE guards_owner NOCREATEDB",
        &[(IT, "owner.createdb")],
    ),
    cluster(
        "the owner may replicate",
        "ALTER ROLE guards_owner REPLICATION",
        "ALTER ROLE guards_owner NOREPLICATION",
        &[(IT, "owner.replication")],
    ),
    cluster(
        "row security passes the owner by",
        "ALTER ROLE guards_owner BYPASSRLS",
        "ALTER ROLE guards_owner NOBYPASSRLS",
        &[(IT, "owner.bypassrls")],
    ),
    cluster(
        "a prover becomes a member of the owner",
        "GRANT guards_owner TO guards_exec",
        "REVOKE guards_owner FROM guards_exec",
        &[(IT, "owner.members")],
    ),
    cluster(
        "the owner becomes a member of a role",
        "GRANT guards_group TO guards_owner",
        "REVOKE guards_group FROM guards_owner",
        &[(IT, "owner.member_of")],
    ),
    cluster(
        "a prover becomes a superuser",
        "ALTER ROLE guards_exec SUPERUSER",
        "ALTER ROLE guards_exec NOSUPERUSER",
        &[(IT, "prover.guards_exec")],
    ),
    cluster(
        "a prover's group becomes a superuser",
        "ALTER ROLE guards_group SUPERUSER",
        "ALTER ROLE guards_group NOSUPERUSER",
        &[(IT, "prover.guards_exec")],
    ),
    cluster(
        "a prover writes all tables",
        "GRANT pg_write_all_data TO guards_verify",
        "REVOKE pg_write_all_data FROM guards_verify",
        &[(IT, "prover.guards_verify")],
    )
    .since(14),
    cluster(
        "a prover gets another name",
        "ALTER ROLE guards_verify RENAME TO guards_who",
        "ALTER ROLE guards_who RENAME TO guards_verify",
        &[
            (IT, "prover.guards_verify"),
            (IT, "USAGE on schema guards to guards_who"),
            (IT, "INSERT on guards.pill to guards_who"),
        ],
    ),
    cluster(
        "another role may replicate",
        "ALTER ROLE guards_other REPLICATION",
        "ALTER ROLE guards_other NOREPLICATION",
        &[],
    ),
    case(
        "the function is made again as it is",
        "CREATE OR REPLACE FUNCTION guards.refuse() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = \
         pg_catalog AS $refuse$\nBEGIN\n    RAISE EXCEPTION 'countersign: this transaction may not commit' \
         USING ERRCODE = 'CSP01';\nEND\n$refuse$",
        &[],
    ),
    case(
        "a grant is revoked and granted again",
        "REVOKE INSERT ON guards.pill FROM guards_exec; GRANT INSERT ON guards.pill TO guards_exec",
        &[],
    ),
    case(
        "the pill is analyzed, vacuumed and emptied",
        "ANALYZE guards.pill; TRUNCATE guards.pill",
        &[],
    ),
    case(
        "a column comes and goes",
        "ALTER TABLE guards.pill ADD m integer; ALTER TABLE guards.pill DROP m",
        &[],
    ),
    case(
        "another schema has a pill",
        "CREATE SCHEMA aside; CREATE TABLE aside.pill (n integer)",
        &[],
    ),
];

const SETTINGS_SETUP: &str = concat!(
    setup!("guardset", "guardset_owner", "guardset_exec", "guardset_verify"),
    "CREATE ROLE guardset_other"
);

const SETTINGS_DESIRED: &str = r#"
[proof_guard.guardset]
database = "lab"
owner = "guardset_owner"
provers = ["guardset_exec", "guardset_verify"]
"#;

const SET: &str = "proof_guard.guardset";

const SETTINGS_CASES: &[Case] = &[
    cluster(
        "a prover may not trace functions",
        "REVOKE SET ON PARAMETER track_functions FROM guardset_exec",
        "GRANT SET ON PARAMETER track_functions TO guardset_exec",
        &[(SET, "SET on parameter track_functions to guardset_exec")],
    ),
    cluster(
        "a prover may change the server's settings",
        "GRANT ALTER SYSTEM ON PARAMETER deadlock_timeout TO guardset_exec",
        "REVOKE ALTER SYSTEM ON PARAMETER deadlock_timeout FROM guardset_exec",
        &[(SET, "ALTER SYSTEM on parameter deadlock_timeout to guardset_exec")],
    ),
    cluster(
        "a prover may pass a setting on",
        "GRANT SET ON PARAMETER deadlock_timeout TO guardset_exec WITH GRANT OPTION",
        "REVOKE GRANT OPTION FOR SET ON PARAMETER deadlock_timeout FROM guardset_exec",
        &[(SET, "SET on parameter deadlock_timeout to guardset_exec")],
    ),
    cluster(
        "another role may trace functions",
        "GRANT SET ON PARAMETER track_functions TO guardset_other",
        "REVOKE SET ON PARAMETER track_functions FROM guardset_other",
        &[],
    ),
    cluster(
        "a prover may set something else",
        "GRANT SET ON PARAMETER log_min_messages TO guardset_exec",
        "REVOKE SET ON PARAMETER log_min_messages FROM guardset_exec",
        &[],
    ),
];
