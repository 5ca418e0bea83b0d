//! A database of a test's own on the shared server, with an administrator and an observer without rights.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use countersign::model::{Reason, Unknown};
use countersign::probe::postgres::{Limits, Session, Settings};
use tokio_postgres::{Client, Config, NoTls};

use crate::private_server::{shared, started};
use crate::server::{Options, Server};

/// All that a role of the worked example is meant to have, with the two grants that were never applied.
pub(crate) const GRANTS: &str = r#"
[pg_grant.cutter_exec]
database = "directus"
grants = [
  "USAGE on schema cutter_governance",
  "SELECT on public.information_unit, public.unit_version, public.iu_lifecycle_log",
  "SELECT, INSERT on cutter_governance.cut_change_set, cutter_governance.manifest_envelope, cutter_governance.manifest_unit_block",
  "SELECT, INSERT on cutter_governance.review_decision, cutter_governance.dot_pair_signature",
  "SELECT, INSERT on cutter_governance.decision_backlog_entry, cutter_governance.decision_backlog_history",
  "SELECT, INSERT on cutter_governance.cut_change_set_affected_row",
  "SELECT on cutter_governance.verify_result",
  "EXECUTE on function public.fn_iu_create(text, text, text, text, text, text, text, text, uuid)",
  "EXECUTE on function public.fn_iu_enact(uuid, integer, text, text, timestamp with time zone, text, text, boolean)",
]
"#;

static NUMBER: AtomicU32 = AtomicU32::new(0);

pub(crate) struct Lab {
    pub(crate) server: Arc<Server>,
    pub(crate) database: String,
    pub(crate) observer: String,
    pub(crate) admin: Client,
    /// The server's major version.
    pub(crate) major: u32,
}

impl Lab {
    pub(crate) async fn new() -> Option<Self> {
        Some(Self::on(shared()?).await)
    }

    /// The same on a server of the test's own, where nobody else makes roles and databases.
    pub(crate) async fn alone() -> Option<Self> {
        Some(Self::on(Arc::new(started(&Options::default())?)).await)
    }

    async fn on(server: Arc<Server>) -> Self {
        let database = format!("lab{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let observer = format!("{database}_observer");
        let root = admin(&server, "postgres").await;
        root.batch_execute(&format!("CREATE DATABASE {database}")).await.unwrap();
        root.batch_execute(&format!("CREATE ROLE {observer} LOGIN")).await.unwrap();
        let admin = admin(&server, &database).await;
        let version = "SELECT current_setting('server_version_num')::int4 / 10000";
        let major: i32 = admin.query_one(version, &[]).await.unwrap().get(0);
        let major = u32::try_from(major).unwrap();
        Self { server, database, observer, admin, major }
    }

    /// Runs statements as the superuser; `OBSERVER` stands for the role of this laboratory.
    pub(crate) async fn run(&self, sql: &str) {
        self.admin.batch_execute(&sql.replace("OBSERVER", &self.observer)).await.unwrap();
    }

    pub(crate) async fn session(&self) -> Session {
        self.session_as(&self.observer, limits()).await.unwrap()
    }

    pub(crate) async fn session_as(&self, role: &str, limits: Limits) -> Result<Session, Unknown> {
        let url = self.server.url(role, &self.database);
        Session::open(&Settings::parse(&url, None).unwrap(), limits).await
    }
}

/// Generous where a loaded machine could be slow, tight where a test waits for the limit itself.
pub(crate) fn limits() -> Limits {
    Limits {
        connect: Duration::from_secs(30),
        lock: Duration::from_millis(200),
        ..Limits::default()
    }
}

pub(crate) async fn admin(server: &Server, database: &str) -> Client {
    client_of(server, "postgres", database).await
}

/// A connection of any role.
pub(crate) async fn client_of(server: &Server, role: &str, database: &str) -> Client {
    let mut config = Config::new();
    config.host_path(server.socket_folder()).user(role).dbname(database);
    let (client, connection) = config.connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// The reason and the detail of what should have no answer.
#[track_caller]
pub(crate) fn refused<T: std::fmt::Debug>(answer: Result<T, Unknown>) -> (Reason, String) {
    let unknown = answer.expect_err("no answer");
    (unknown.reason, unknown.detail)
}
