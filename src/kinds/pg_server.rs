//! `[pg_server.LABEL]`: which cluster a database lives in, its version and settings.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::secretive::is_secretive;
use super::{Answers, Files, Kind, Named, Problem, by_database, not_recorded};
use crate::model::display::escape;
use crate::model::{Code, Comparison, Content, Difference, Evidence, Reason, Unknown};
use crate::probe::postgres::{Param, Session};
use crate::probe::{World, until};

/// Settings that an observer's session sets for itself: what it would see is its own value.
const OF_THE_SESSION: [&str; 11] = [
    "application_name",
    "client_encoding",
    "idle_in_transaction_session_timeout",
    "is_superuser",
    "lock_timeout",
    "role",
    "row_security",
    "search_path",
    "session_authorization",
    "statement_timeout",
    "transaction_isolation",
];

/// The table of a server.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PgServer {
    /// The database, as in `[database.NAME]`, through which the server is asked.
    database: String,
    /// The number that `initdb` gave the cluster, as text.
    system_identifier: Option<String>,
    /// The version: "16" for any of that major version, "16.13" for exactly that one.
    version: Option<String>,
    /// Settings with the text that `SHOW` prints for them, such as `shared_buffers = "128MB"`.
    #[serde(default)]
    settings: BTreeMap<String, String>,
    /// `false`: no setting waits for a restart of the server. `true`: at least one does.
    pending_restart: Option<bool>,
}

/// What was seen.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Seen {
    system_identifier: Told<String>,
    version: String,
    settings: BTreeMap<String, Told<Option<Content>>>,
    /// The settings that wait for a restart; not in a recording of an earlier version.
    pending_restart: Option<Told<Vec<String>>>,
}

/// A part of an answer: what it is, or why it could not be told.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Told<T> {
    Is(T),
    Unknown(Unknown),
}

impl Kind for PgServer {
    const NAME: &'static str = "pg_server";
    const ABOUT: &'static str = "a PostgreSQL server: identity, version, settings";
    const DOC: &'static str = "\
The key is a name of your choice.

Settings are compared as the text that `SHOW` prints in a new session of the observer in this database, so a value that
is set for this database or for the observer's role is what is compared. A setting that the observer may not see makes
the resource Unknown: grant it `pg_read_all_settings` (`pg_monitor` includes it). Settings of the session itself, such
as `search_path` and `statement_timeout`, cannot be compared. Values of settings whose name speaks of a secret appear
as digests.

Where a value is written down, for a role or a database or by `ALTER SYSTEM`, is the business of `pg_setting`, and
extensions that of `pg_extension`. `pending_restart = false` says that no setting was changed that counts only after a
restart of the server; without `pg_read_all_settings` not all of them are seen, so that none waits is unknown then.
";
    const EXAMPLE: &'static str = r#"
[pg_server.directus]
database = "directus"
system_identifier = "7611578671664259111"
version = "16"
settings = { wal_level = "replica", max_connections = "100" }
pending_restart = false
"#;
    const IN_DATABASE: bool = true;
    const PAST_SNAPSHOT: bool = false;
    type Observed = Seen;

    fn prepare(&mut self, _name: &str, _files: &dyn Files, problems: &mut Vec<Problem>) {
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
        if self.system_identifier.as_deref().is_some_and(|id| !digits(id)) {
            let message = "a system identifier is a number, written as text";
            problems.push(Problem::key("system_identifier", Code::WrongType, message));
        }
        if let Some(version) = &self.version
            && !version.split_once('.').map_or(digits(version), |(a, b)| digits(a) && digits(b))
        {
            let message = "a version is a major one such as \"16\", or exact such as \"16.13\"";
            problems.push(Problem::key("version", Code::WrongType, message));
        }
        for name in self.settings.keys() {
            if OF_THE_SESSION.contains(&name.to_lowercase().as_str()) {
                let message = format!("the observer's session has its own `{name}`");
                problems.push(Problem::key("settings", Code::Unsupported, message));
            }
        }
        if self.system_identifier.is_none()
            && self.version.is_none()
            && self.settings.is_empty()
            && self.pending_restart.is_none()
        {
            let message = "the table says nothing about the server";
            let hint = "add `version`, `settings`, `pending_restart` or `system_identifier`";
            problems.push(Problem::resource(Code::Empty, message).hint(hint));
        }
    }

    fn database(&self) -> Option<&str> {
        Some(&self.database)
    }

    fn question(&self, _name: &str) -> Value {
        let settings: Vec<&String> = self.settings.keys().collect();
        json!({ "database": self.database, "settings": settings })
    }

    async fn observe_all(world: &World, wanted: &[Named<Self>]) -> Answers<Seen> {
        let give_up = Instant::now() + world.deadline;
        let mut answers = Answers::new();
        for (database, wanted) in by_database(wanted) {
            for named in wanted {
                let answer = match world.database(database) {
                    Ok(session) => until(give_up, observe(session, &named.spec)).await,
                    Err(why) => Err(why),
                };
                answers.insert(named.name.clone(), answer);
            }
        }
        answers
    }

    fn diff(&self, _name: &str, seen: &Seen) -> Comparison {
        let mut found = Comparison::by(Evidence::Queried);
        match (&self.system_identifier, &seen.system_identifier) {
            (wanted, Told::Is(is)) => found.expect("system_identifier", wanted.as_ref(), is),
            (Some(_), Told::Unknown(why)) => found.blind("system_identifier", why.clone()),
            (None, Told::Unknown(_)) => {}
        }
        let major = seen.version.split('.').next().unwrap_or_default();
        if let Some(wanted) = &self.version
            && wanted != &seen.version
            && wanted != major
        {
            let actual = seen.version.clone();
            found.differences.push(Difference::new("version", wanted.clone(), actual));
        }
        for (name, wanted) in &self.settings {
            compare_setting(&mut found, name, wanted, seen.settings.get(name));
        }
        self.compare_pending(&mut found, seen.pending_restart.as_ref());
        found.seen = Some(format!("PostgreSQL {}", escape(&seen.version)));
        found
    }
}

impl PgServer {
    fn compare_pending(&self, found: &mut Comparison, pending: Option<&Told<Vec<String>>>) {
        let Some(wanted) = self.pending_restart else { return };
        let field = "pending_restart";
        match pending {
            Some(Told::Is(names)) if wanted != names.is_empty() => {}
            Some(Told::Is(names)) => {
                let is = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
                found.differences.push(Difference::new(field, wanted, is));
            }
            Some(Told::Unknown(why)) => found.blind(field, why.clone()),
            None => found.blind(field, not_recorded()),
        }
    }
}

fn compare_setting(
    found: &mut Comparison,
    name: &str,
    wanted: &str,
    seen: Option<&Told<Option<Content>>>,
) {
    let field = format!("settings.{}", escape(name));
    match seen {
        Some(Told::Is(Some(content))) => {
            found.differences.extend(content.differs(&field, &Value::from(wanted)));
        }
        Some(Told::Is(None)) if is_secretive(name) => {
            let wanted = format!("{:?}", Content::digest(&Value::from(wanted)));
            found.differences.push(Difference::new(field, wanted, Value::Null));
        }
        Some(Told::Is(None)) => found.differences.push(Difference::new(field, wanted, Value::Null)),
        Some(Told::Unknown(why)) => found.blind(field, why.clone()),
        None => found.blind(field, not_recorded()),
    }
}

/// What the role may not see is not listed here.
const SETTINGS: &str = "SELECT pg_catalog.lower(s.name), pg_catalog.current_setting(s.name) \
    FROM pg_catalog.pg_settings s WHERE pg_catalog.lower(s.name) = ANY ($1)";

/// Settings of an application or of a module that is not loaded are listed nowhere; NULL when not set.
const CUSTOM: &str = "SELECT pg_catalog.current_setting($1, true)";

/// Those that wait for a restart, and whether the role sees every setting.
const PENDING: &str = "SELECT pg_catalog.pg_has_role('pg_read_all_settings', 'USAGE')::text, p.names FROM (\
    SELECT pg_catalog.to_json(ARRAY(SELECT s.name FROM pg_catalog.pg_settings s WHERE s.pending_restart \
    ORDER BY s.name))::text) AS p (names)";

async fn observe(session: &Session, spec: &PgServer) -> Result<Seen, Unknown> {
    let names: Vec<String> = spec.settings.keys().map(|name| name.to_lowercase()).collect();
    let shown = if names.is_empty() {
        BTreeMap::new()
    } else {
        pairs(session.ask(SETTINGS, &[Param::Texts(&names)]).await?)
    };
    let mut settings = BTreeMap::new();
    for name in spec.settings.keys() {
        let told = match shown.get(&name.to_lowercase()) {
            Some(value) => Told::Is(Some(value.clone())),
            None if name.contains('.') => custom(session, name).await,
            None => {
                let detail = "the server has no such setting, or hides it from roles without pg_read_all_settings";
                Told::Unknown(Unknown::new(Reason::PermissionDenied, detail))
            }
        };
        let cut = |value: String| Content::of_text(&value, !is_secretive(name));
        let told = match told {
            Told::Is(value) => Told::Is(value.map(cut)),
            Told::Unknown(why) => Told::Unknown(why),
        };
        settings.insert(name.clone(), told);
    }
    let identity = session.identity();
    let system_identifier = match &identity.system_identifier {
        Ok(is) => Told::Is(is.clone()),
        Err(why) => Told::Unknown(why.clone()),
    };
    let pending_restart = Some(pending(session).await.unwrap_or_else(Told::Unknown));
    Ok(Seen { system_identifier, version: identity.version(), settings, pending_restart })
}

async fn pending(session: &Session) -> Result<Told<Vec<String>>, Unknown> {
    let rows = pairs(session.ask(PENDING, &[]).await?);
    let malformed = || Unknown::new(Reason::Malformed, "the server does not say what waits");
    let (sees_all, names) = rows.into_iter().next().ok_or_else(malformed)?;
    let names: Vec<String> = serde_json::from_str(&names).map_err(|_| malformed())?;
    if names.is_empty() && sees_all != "true" {
        let detail = "without pg_read_all_settings not every setting is seen, and one that is hidden may wait";
        return Ok(Told::Unknown(Unknown::new(Reason::PermissionDenied, detail)));
    }
    Ok(Told::Is(names))
}

async fn custom(session: &Session, name: &str) -> Told<Option<String>> {
    match session.ask(CUSTOM, &[Param::Text(name)]).await {
        Ok(rows) => Told::Is(rows.into_iter().flatten().next().flatten()),
        Err(why) => Told::Unknown(why),
    }
}

fn pairs(rows: Vec<Vec<Option<String>>>) -> BTreeMap<String, String> {
    rows.into_iter()
        .filter_map(|row| <[Option<String>; 2]>::try_from(row).ok())
        .filter_map(|[name, value]| Some((name?, value?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::NoFiles;

    fn spec(mut table: Value) -> (PgServer, Vec<Code>) {
        table["database"] = json!("d");
        let mut spec: PgServer = serde_json::from_value(table).expect("keys that fit");
        let mut problems = Vec::new();
        spec.prepare("label", &NoFiles, &mut problems);
        (spec, problems.into_iter().map(|problem| problem.code).collect())
    }

    fn seen() -> Seen {
        let shown = |text: &str| Told::Is(Some(Content::of_text(text, true)));
        let denied = Unknown::new(Reason::PermissionDenied, "hidden");
        Seen {
            system_identifier: Told::Unknown(denied.clone()),
            version: "16.13".into(),
            settings: [
                ("wal_level".to_owned(), shown("replica")),
                ("hidden".to_owned(), Told::Unknown(denied)),
                ("app.unset".to_owned(), Told::Is(None)),
                ("app.jwt_secret".to_owned(), Told::Is(Some(Content::of_text("canary", false)))),
            ]
            .into(),
            pending_restart: Some(Told::Is(vec!["max_connections".into()])),
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for (table, codes) in [
            (json!({}), vec![Code::Empty]),
            (json!({"pending_restart": false}), vec![]),
            (json!({"version": "16.x"}), vec![Code::WrongType]),
            (json!({"version": "16.1.2"}), vec![Code::WrongType]),
            (json!({"system_identifier": "0x1"}), vec![Code::WrongType]),
            (json!({"settings": {"Search_Path": ""}}), vec![Code::Unsupported]),
        ] {
            assert_eq!(spec(table.clone()).1, codes, "{table}");
        }
    }

    #[test]
    fn each_field_is_compared() {
        for (table, differences, blind) in [
            (json!({"version": "16"}), vec![], vec![]),
            (json!({"version": "16.13"}), vec![], vec![]),
            (json!({"version": "16.1"}), vec!["version"], vec![]),
            (json!({"version": "1"}), vec!["version"], vec![]),
            (json!({"system_identifier": "1"}), vec![], vec!["system_identifier"]),
            (json!({"settings": {"wal_level": "replica"}}), vec![], vec![]),
            (json!({"settings": {"wal_level": "logical"}}), vec!["settings.wal_level"], vec![]),
            (json!({"settings": {"hidden": "x"}}), vec![], vec!["settings.hidden"]),
            (json!({"settings": {"unasked": "x"}}), vec![], vec!["settings.unasked"]),
            (json!({"settings": {"app.unset": "x"}}), vec!["settings.app.unset"], vec![]),
            (json!({"pending_restart": true}), vec![], vec![]),
            (json!({"pending_restart": false}), vec!["pending_restart"], vec![]),
        ] {
            let found = spec(table.clone()).0.diff("label", &seen());
            let fields: Vec<_> = found.differences.iter().map(|d| d.field.as_str()).collect();
            assert_eq!(fields, differences, "{table}");
            let fields: Vec<_> = found.blind.iter().map(|b| b.field.as_str()).collect();
            assert_eq!(fields, blind, "{table}");
        }
    }

    #[test]
    fn secrets_are_digests() {
        let table = json!({"settings": {"app.jwt_secret": "guess"}});
        let found = spec(table).0.diff("label", &seen());
        let text = serde_json::to_string(&found.differences).expect("plain data");
        assert!(text.contains("sha256:") && !text.contains("canary"), "{text}");
        assert!(!text.contains("guess"), "{text}");
    }
}
