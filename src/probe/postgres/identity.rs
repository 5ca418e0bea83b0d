//! Who answers, and as whom we ask: read once, as the first questions of a session.

use super::{Line, Param};
use crate::model::{Reason, Unknown};

/// What a server says about itself and about the observer's role.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The number that `initdb` gave the cluster; why it could not be read, where the role may not.
    pub system_identifier: Result<String, Unknown>,
    /// The database of this session.
    pub database: String,
    /// The version as a number, such as 160013.
    pub version_number: u32,
    /// Who logged in.
    pub session_role: String,
    /// As whom the session acts.
    pub current_role: String,
    /// What the role, or a role it could become, may do beyond reading: attributes and memberships.
    pub powers: Vec<String>,
    /// Is it a standby that replays another server's log?
    pub standby: bool,
    /// When the server was started, as it says.
    pub started: String,
    /// The time of the last change of its primary that a standby has replayed, as PostgreSQL prints it.
    pub replayed_to: Option<String>,
}

/// Powers with which an expression that is merely evaluated could change something or read files of the server: a
/// read-only transaction stops none of them.
const DANGEROUS_ROLES: [&str; 9] = [
    "pg_checkpoint",
    "pg_create_subscription",
    "pg_execute_server_program",
    "pg_maintain",
    "pg_read_server_files",
    "pg_signal_autovacuum_worker",
    "pg_signal_backend",
    "pg_write_all_data",
    "pg_write_server_files",
];

const WHO: &str = "SELECT pg_catalog.current_database()::text, \
    pg_catalog.current_setting('server_version_num'), session_user::text, current_user::text, \
    pg_catalog.pg_is_in_recovery()::text, \
    pg_catalog.date_part('epoch', pg_catalog.pg_postmaster_start_time())::text, \
    pg_catalog.date_trunc('second', pg_catalog.pg_last_xact_replay_timestamp() AT TIME ZONE 'UTC')::text || ' UTC'";

const CLUSTER: &str = "SELECT system_identifier::text FROM pg_catalog.pg_control_system()";

/// `MEMBER`, not `USAGE`: an expression may call `set_config('role', …)`.
const POWERS: &str = "SELECT DISTINCT p.power FROM pg_catalog.pg_roles r CROSS JOIN LATERAL (VALUES \
    (r.rolsuper, 'superuser'), (r.rolcreaterole, 'createrole'), (r.rolcreatedb, 'createdb'), \
    (r.rolreplication, 'replication'), (r.rolbypassrls, 'bypassrls'), \
    (r.rolname::text = ANY($1), 'member of ' || r.rolname)) p(holds, power) \
    WHERE p.holds AND pg_catalog.pg_has_role(session_user, r.oid, 'MEMBER') ORDER BY 1";

impl Identity {
    pub(super) async fn ask(line: &mut Line) -> Result<Self, Unknown> {
        let malformed = || Unknown::new(Reason::Malformed, "the server does not say what it is");
        let mut who = line.ask(WHO, &[]).await?.pop().ok_or_else(malformed)?;
        let replayed_to = who.pop().flatten();
        let who: Vec<String> = who.into_iter().flatten().collect();
        let [database, version, session_role, current_role, standby, started] =
            <[String; 6]>::try_from(who).map_err(|_| malformed())?;
        let system_identifier = match line.ask(CLUSTER, &[]).await {
            Ok(mut rows) => rows.pop().and_then(|mut row| row.pop()?).ok_or_else(malformed),
            Err(unknown) => Err(unknown),
        };
        let dangerous: Vec<String> = DANGEROUS_ROLES.map(String::from).into();
        let powers = line.ask(POWERS, &[Param::Texts(&dangerous)]).await?;
        Ok(Self {
            system_identifier,
            database,
            version_number: version.parse().map_err(|_| malformed())?,
            session_role,
            current_role,
            powers: powers.into_iter().flatten().flatten().collect(),
            standby: standby == "true",
            started,
            replayed_to,
        })
    }

    /// What a role, or a role it could become, may do beyond what is granted on objects.
    ///
    /// # Errors
    /// Why that cannot be told.
    pub async fn powers_of(session: &super::Session, role: &str) -> Result<Vec<String>, Unknown> {
        let dangerous: Vec<String> = DANGEROUS_ROLES.map(String::from).into();
        let sql = POWERS.replace("session_user", "$2::pg_catalog.name");
        let rows = session.ask(&sql, &[Param::Texts(&dangerous), Param::Text(role)]).await?;
        Ok(rows.into_iter().flatten().flatten().collect())
    }

    /// The version as people write it, such as `16.13`.
    #[must_use]
    pub fn version(&self) -> String {
        format!("{}.{}", self.version_number / 10_000, self.version_number % 10_000)
    }

    /// Refuses a role with which evaluating an expression of somebody else could change something.
    ///
    /// `bypassrls` shows more and changes nothing, so it is allowed: it is how rows behind row security are counted.
    ///
    /// # Errors
    /// [`Reason::ObserverTooPowerful`], naming the powers.
    pub fn require_harmless(&self) -> Result<(), Unknown> {
        let powers: Vec<&str> =
            self.powers.iter().map(String::as_str).filter(|p| *p != "bypassrls").collect();
        let powers = match powers.as_slice() {
            [] => return Ok(()),
            powers if powers.contains(&"superuser") => "superuser".to_owned(),
            powers => powers.join(", "),
        };
        let role = crate::model::display::escape(&self.session_role);
        let detail = format!(
            "`{role}` is {powers}, so evaluating a query could change something: the observer needs a role without that"
        );
        Err(Unknown::new(Reason::ObserverTooPowerful, detail))
    }
}
