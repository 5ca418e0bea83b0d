//! The database of the sandbox: loaded into a fresh private server, and counted afterwards.
//!
//! Only for a server that was made for the sandbox: it creates roles, and needs a superuser. Nothing of it is random;
//! what is invented is marked in the file itself.

use tokio_postgres::{Client, Config, NoTls};

/// The name of the database.
pub const DATABASE: &str = "directus";
/// The role that observes: it may read what is counted, and nothing else.
pub const OBSERVER: &str = "countersign_observer";
/// The role that executes: a superuser, since the objects that proofs rest on have an owner of their own.
pub const EXECUTOR: &str = "workflow_admin";

const SQL: &str = include_str!("fixture.sql");

/// How many rows each table has after loading.
pub const ROWS: [(&str, i64); 13] = [
    ("public.information_unit", 158),
    ("public.unit_version", 165),
    ("public.iu_lifecycle_log", 60),
    ("public.dot_config", 86),
    ("public.directus_collections", 164),
    ("public.event_outbox", 60),
    ("public.birth_registry", 158),
    ("cutter_governance.cut_change_set", 2),
    ("cutter_governance.dot_pair_signature", 3),
    ("cutter_governance.review_decision", 3),
    ("cutter_governance.verify_result", 2),
    ("cutter_governance.manifest_envelope", 2),
    ("cutter_governance.manifest_unit_block", 61),
];

/// The functions that the worked example pins by the MD5 of their definitions.
pub const PINNED: [&str; 4] = [
    "public.fn_iu_create(text, text, text, text, text, text, text, text, uuid)",
    "public.fn_iu_enact(uuid, integer, text, text, timestamp with time zone, text, text, boolean)",
    "public.fn_iu_apply_edit_draft(uuid, text, text, text)",
    "public.fn_iu_gateway_write_guard()",
];

/// Why the fixture could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum FixtureError {
    /// The server refused.
    #[error("failed to load the sandbox's database")]
    Postgres(#[from] tokio_postgres::Error),
    /// The file does not make what it says it makes.
    #[error("the sandbox's {table} has {found} rows instead of {expected}")]
    Rows {
        /// Which table.
        table: &'static str,
        /// How many it should have.
        expected: i64,
        /// How many it has.
        found: i64,
    },
}

/// What makes this server and no other the sandbox's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerIdentity {
    /// The cluster's system identifier.
    pub system_identifier: String,
    /// The server's version, such as `16.13`.
    pub version: String,
}

/// What can only be said once the fixture is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// Which server it was.
    pub server: ServerIdentity,
    /// The MD5 of each definition, in the order of [`PINNED`].
    pub definitions: Vec<String>,
}

/// Creates the database with its roles, fills it, counts it, and says which server it was and what its pins are.
///
/// `superuser` says how to reach the server; the database it names does not matter.
///
/// # Errors
/// When the server refuses - also when the fixture is there already - or a count is not as declared.
pub async fn load(superuser: &Config) -> Result<Loaded, FixtureError> {
    let server = in_database(superuser, "postgres", async |client| {
        client.batch_execute("CREATE ROLE directus LOGIN").await?;
        client.batch_execute("CREATE DATABASE directus OWNER directus").await?;
        identity(client).await
    })
    .await?;
    let definitions = in_database(superuser, DATABASE, async |client| {
        client.batch_execute(SQL).await?;
        count(client).await?;
        definitions(client).await
    })
    .await?;
    Ok(Loaded { server, definitions })
}

async fn identity(client: &Client) -> Result<ServerIdentity, FixtureError> {
    let row = client
        .query_one(
            "select system_identifier::text, split_part(current_setting('server_version'), ' ', 1)
             from pg_control_system()",
            &[],
        )
        .await?;
    Ok(ServerIdentity { system_identifier: row.try_get(0)?, version: row.try_get(1)? })
}

async fn count(client: &Client) -> Result<(), FixtureError> {
    for (table, expected) in ROWS {
        let row = client.query_one(&format!("select count(*) from {table}"), &[]).await?;
        let found = row.try_get(0)?;
        if found != expected {
            return Err(FixtureError::Rows { table, expected, found });
        }
    }
    Ok(())
}

async fn definitions(client: &Client) -> Result<Vec<String>, FixtureError> {
    let sql = "select array(select md5(pg_get_functiondef(name::regprocedure))
                 from unnest($1::text[]) with ordinality as pinned (name, position) order by position)";
    Ok(client.query_one(sql, &[&&PINNED[..]]).await?.try_get(0)?)
}

/// Does some work in one database, and closes the connection whatever came of it.
async fn in_database<T>(
    superuser: &Config,
    database: &str,
    work: impl AsyncFnOnce(&Client) -> Result<T, FixtureError>,
) -> Result<T, FixtureError> {
    let (client, connection) = superuser.clone().dbname(database).connect(NoTls).await?;
    let driver = tokio::spawn(connection);
    let done = work(&client).await;
    drop(client);
    // The work has its own errors; what the driver says after the last answer changes nothing.
    let _ = driver.await;
    done
}
