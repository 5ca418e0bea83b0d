//! `[pg_event_trigger.NAME]`: what a database does when somebody changes its definition, and that there is nothing else.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::listed::{self, Chosen, Listed, Listing};
use super::{Adopted, Adoption, Answers, Draft, Files, Kind, Named, Problem};
use crate::model::display::one_line;
use crate::model::{Code, Comparison, Unknown};
use crate::probe::World;
use crate::probe::catalog::{self, EventTrigger};
use crate::probe::postgres::Session;

const WIDTH_MAX: usize = 60;

/// When an event trigger fires, by the role that a session plays in replication.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Enabled {
    /// As usual.
    Origin,
    /// As usual, and while changes are replicated.
    Always,
    /// Only while changes are replicated.
    Replica,
    /// Never.
    Disabled,
}

/// The table of an event trigger.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PgEventTrigger {
    /// The database, as in `[database.NAME]`.
    database: String,
    /// `false`: there is no such event trigger. Default: true.
    #[serde(default = "super::presence::yes")]
    present: bool,
    /// Whether it fires.
    enabled: Option<Enabled>,
    /// What it fires at: `ddl_command_start`, `ddl_command_end`, `sql_drop`, `table_rewrite` or `login`.
    event: Option<String>,
    /// The commands that it is about, all of them, in any order, such as "CREATE TABLE". `[]`: every command.
    tags: Option<Vec<String>>,
    /// Its function, as the key of `pg_function`: `public.fn_audit()`.
    function: Option<String>,
    /// Its owner, a superuser.
    owner: Option<String>,
    /// Its comment; "" for none.
    comment: Option<String>,
    /// With a pattern as the key: the names of all event triggers that it matches.
    only: Option<Vec<String>>,
}

impl Kind for PgEventTrigger {
    const NAME: &'static str = "pg_event_trigger";
    const ABOUT: &'static str = "an event trigger of a database, whether it fires; the list of all";
    const DOC: &'static str = "\
The key is the name, as it is, without quotes of SQL. Without other keys the event trigger must exist.

A key with a `*` is a closed list: `[pg_event_trigger.\"*\"]` with `only = []` says that there is none. An event trigger runs
with the rights of whoever changes the definition of the database, superusers included, so one that nobody knows is worth
an alarm.

Every role may read all of this, and no lock stands in the way.";
    const EXAMPLE: &'static str = r#"
[pg_event_trigger.audit_ddl]
database = "directus"
enabled = "always"
event = "ddl_command_end"
tags = ["CREATE FUNCTION", "DROP FUNCTION"]
function = "public.fn_audit_ddl()"
owner = "workflow_admin"

[pg_event_trigger."*"]
database = "directus"
only = ["audit_ddl"]
"#;
    const IN_DATABASE: bool = true;
    const ADOPT: Option<Adoption> = Some(Adoption {
        flag: "event-trigger",
        value: "NAME",
        help: "Event triggers whose names match; '*' closes the list, even if there is none",
        all: Some("*"),
    });
    type Observed = Chosen<EventTrigger>;

    fn prepare(&mut self, name: &str, _files: &dyn Files, problems: &mut Vec<Problem>) {
        let object = listed::check(self, name, problems);
        if object.is_empty() || object.contains('\0') {
            let message = "an event trigger has a name without zero bytes";
            problems.push(Problem::resource(Code::BadName, message));
        }
        // PostgreSQL stores tags in capital letters, in the order of the statement.
        if let Some(tags) = &mut self.tags {
            for tag in tags.iter_mut() {
                tag.make_ascii_uppercase();
            }
            tags.sort();
            tags.dedup();
        }
    }

    fn database(&self) -> Option<&str> {
        Some(&self.database)
    }

    fn pinned(&self) -> Option<Value> {
        self.enabled.map(|enabled| enabled.word().into())
    }

    async fn observe_all(world: &World, wanted: &[Named<Self>]) -> Answers<Chosen<EventTrigger>> {
        listed::observe(world, wanted).await
    }

    async fn adopt(world: &World, asked: &str) -> Result<Adopted, Unknown> {
        listed::adopt::<Self>(world, asked).await
    }

    fn diff(&self, name: &str, observed: &Chosen<EventTrigger>) -> Comparison {
        listed::diff(self, name, observed)
    }
}

impl Listed for PgEventTrigger {
    type Thing = EventTrigger;

    fn wanted(&self) -> (bool, Option<&Vec<String>>) {
        (self.present, self.only.as_ref())
    }

    fn attributes(&self) -> Vec<(&'static str, bool)> {
        vec![
            ("enabled", self.enabled.is_some()),
            ("event", self.event.is_some()),
            ("tags", self.tags.is_some()),
            ("function", self.function.is_some()),
            ("owner", self.owner.is_some()),
            ("comment", self.comment.is_some()),
        ]
    }

    fn compare(&self, is: &EventTrigger, found: &mut Comparison) {
        let enabled = self.enabled.map(|enabled| enabled.word().to_owned());
        found.expect("enabled", enabled.as_ref(), &is.enabled);
        found.expect("event", self.event.as_ref(), &is.event);
        found.expect("tags", self.tags.as_ref(), &is.tags);
        found.expect("function", self.function.as_ref(), &is.function);
        found.expect("owner", self.owner.as_ref(), &is.owner);
        let comment = is.comment.clone().unwrap_or_default();
        found.expect("comment", self.comment.as_ref(), &comment);
    }

    async fn list(
        session: &Session,
        _names: &[&str],
        _wanted: &[&Named<Self>],
    ) -> Result<Listing<EventTrigger>, Unknown> {
        let all = catalog::all::<EventTrigger>(session).await?;
        let named = all.into_iter().map(|is| (is.name.clone(), is));
        Ok(named.collect::<BTreeMap<_, _>>().into())
    }

    fn about(is: &EventTrigger) -> Option<String> {
        let function = one_line(&is.function, WIDTH_MAX);
        let enabled = if is.enabled == "origin" { "" } else { &is.enabled };
        let divider = if enabled.is_empty() { "" } else { ", " };
        Some(format!("{}, {function}{divider}{enabled}", is.event))
    }

    fn write(draft: Draft, is: &EventTrigger) -> Result<Draft, Unknown> {
        Ok(draft
            .set("enabled", is.enabled.clone())
            .set("event", is.event.clone())
            .set("tags", (!is.tags.is_empty()).then(|| is.tags.clone()))
            .set("function", is.function.clone())
            .set("owner", is.owner.clone())
            .set("comment", is.comment.clone()))
    }
}

impl Enabled {
    const fn word(self) -> &'static str {
        match self {
            Self::Origin => "origin",
            Self::Always => "always",
            Self::Replica => "replica",
            Self::Disabled => "disabled",
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kinds::NoFiles;

    fn compared(name: &str, mut table: Value, observed: &Chosen<EventTrigger>) -> Vec<String> {
        table["database"] = json!("d");
        let mut spec: PgEventTrigger = serde_json::from_value(table).expect("keys that fit");
        let mut problems = Vec::new();
        spec.prepare(name, &NoFiles, &mut problems);
        assert_eq!(problems, []);
        let differences = spec.diff(name, observed).differences;
        differences.into_iter().map(|d| format!("{} {} {}", d.field, d.desired, d.actual)).collect()
    }

    fn audit() -> EventTrigger {
        EventTrigger {
            name: "audit".into(),
            enabled: "origin".into(),
            event: "sql_drop".into(),
            tags: vec!["DROP INDEX".into(), "DROP TABLE".into()],
            function: "public.f()".into(),
            owner: "postgres".into(),
            comment: None,
        }
    }

    #[test]
    fn attributes_and_lists_are_compared() {
        let one = Chosen::from([("audit".to_owned(), audit())]);
        let none = Chosen::new();
        let right = json!({"enabled": "origin", "event": "sql_drop", "tags": ["drop table", "DROP INDEX"],
            "function": "public.f()", "owner": "postgres", "comment": ""});
        assert_eq!(compared("audit", right, &one), Vec::<String>::new());
        let wrong = json!({"enabled": "always", "event": "login", "tags": [], "function": "public.g()",
            "owner": "x", "comment": "y"});
        let fields: Vec<String> = compared("audit", wrong, &one)
            .iter()
            .filter_map(|line| line.split(' ').next().map(str::to_owned))
            .collect();
        assert_eq!(fields, ["enabled", "event", "tags", "function", "owner", "comment"]);
        assert_eq!(compared("audit", json!({}), &none), [r#"presence "present" "absent""#]);
        assert_eq!(compared("audit", json!({"present": false}), &none), Vec::<String>::new());
        let unlisted = r#"audit null "sql_drop, public.f()""#;
        assert_eq!(compared("*", json!({"only": []}), &one), [unlisted]);
        assert_eq!(compared("*", json!({"only": ["audit"]}), &one), Vec::<String>::new());
    }
}
