//! `[pg_server.LABEL]`: which cluster a database lives in, its version, settings and extensions.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
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
    /// Extensions of the database: a version as text, `true` for any version, `false` for not installed.
    #[serde(default)]
    extensions: BTreeMap<String, Extension>,
    /// Are these all extensions? `plpgsql` is one that every new database has.
    #[serde(default)]
    extensions_only: bool,
}

/// What is wanted of an extension.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Extension {
    Installed(bool),
    Version(String),
}

/// What was seen.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Seen {
    system_identifier: Told<String>,
    version: String,
    settings: BTreeMap<String, Told<Option<Content>>>,
    extensions: BTreeMap<String, String>,
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
    const ABOUT: &'static str = "a PostgreSQL server: identity, version, settings, extensions";
    const DOC: &'static str = "\
The key is a name of your choice.

Settings are compared as the text that `SHOW` prints in a new session of the observer in this database, so a value that
is set for this database or for the observer's role is what is compared. A setting that the observer may not see makes
the resource Unknown: grant it `pg_read_all_settings` (`pg_monitor` includes it). Settings of the session itself, such
as `search_path` and `statement_timeout`, cannot be compared. Values of settings whose name speaks of a secret appear
as digests.
";
    const EXAMPLE: &'static str = r#"
[pg_server.directus]
database = "directus"
system_identifier = "7611578671664259111"
version = "16"
settings = { wal_level = "replica", max_connections = "100" }
extensions = { btree_gist = "1.7", pgcrypto = true, pg_cron = false }
"#;
    const IN_DATABASE: bool = true;
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
            && self.extensions.is_empty()
            && !self.extensions_only
        {
            let message = "the table says nothing about the server";
            let hint = "add `version`, `settings`, `extensions` or `system_identifier`";
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
        self.compare_extensions(&mut found, &seen.extensions);
        found.seen = Some(format!("PostgreSQL {}", escape(&seen.version)));
        found
    }
}

impl PgServer {
    fn compare_extensions(&self, found: &mut Comparison, installed: &BTreeMap<String, String>) {
        for (name, wanted) in &self.extensions {
            let version = installed.get(name);
            let differs = match wanted {
                Extension::Installed(installed) => *installed != version.is_some(),
                Extension::Version(wanted) => Some(wanted) != version,
            };
            if differs {
                let desired = match wanted {
                    Extension::Installed(true) => json!("any version"),
                    Extension::Installed(false) => Value::Null,
                    Extension::Version(version) => json!(version),
                };
                found.differences.push(of_extension(name, desired, version));
            }
        }
        if self.extensions_only {
            let extra = installed.iter().filter(|(name, _)| !self.extensions.contains_key(*name));
            let extra = extra.map(|(name, version)| of_extension(name, Value::Null, Some(version)));
            found.differences.extend(extra);
        }
    }
}

fn of_extension(name: &str, desired: Value, version: Option<&String>) -> Difference {
    let actual = version.map_or(Value::Null, |version| json!(escape(version)));
    Difference::new(format!("extensions.{}", escape(name)), desired, actual)
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

const EXTENSIONS: &str =
    "SELECT e.extname::text, e.extversion FROM pg_catalog.pg_extension e ORDER BY 1";

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
    let extensions = pairs(session.ask(EXTENSIONS, &[]).await?);
    Ok(Seen { system_identifier, version: identity.version(), settings, extensions })
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

impl<'de> Deserialize<'de> for Extension {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl Visitor<'_> for Either {
            type Value = Extension;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a version as text, true or false")
            }
            fn visit_bool<E: Error>(self, installed: bool) -> Result<Extension, E> {
                Ok(Extension::Installed(installed))
            }
            fn visit_str<E: Error>(self, version: &str) -> Result<Extension, E> {
                Ok(Extension::Version(version.to_owned()))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for Extension {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Extension".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": ["string", "boolean"] })
    }
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
            extensions: [("plpgsql".to_owned(), "1.0".to_owned())].into(),
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for (table, codes) in [
            (json!({}), vec![Code::Empty]),
            (json!({"extensions_only": true}), vec![]),
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
            (json!({"extensions": {"plpgsql": true}, "extensions_only": true}), vec![], vec![]),
            (json!({"extensions": {"plpgsql": "1.0", "pg_cron": false}}), vec![], vec![]),
            (json!({"extensions": {"plpgsql": "1.1"}}), vec!["extensions.plpgsql"], vec![]),
            (json!({"extensions": {"plpgsql": false}}), vec!["extensions.plpgsql"], vec![]),
            (json!({"extensions": {"pgcrypto": true}}), vec!["extensions.pgcrypto"], vec![]),
            (json!({"extensions_only": true}), vec!["extensions.plpgsql"], vec![]),
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
