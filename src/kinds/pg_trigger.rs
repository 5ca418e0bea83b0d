//! `[pg_trigger."SCHEMA.TABLE.NAME"]`: a trigger of a table or view, whether it fires, and all triggers of a table.
//!
//! The triggers by which PostgreSQL enforces foreign keys have generated names. A closed list looks at them as well: one
//! of them disabled is a constraint that holds for nobody.

mod adopt;
mod compare;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::closed::{self, is_pattern, matches};
use super::in_database::{ask_each, object_name, object_of};
use super::{Adopted, Adoption, Answers, Files, Kind, Named, Problem};
use crate::model::display::escape;
use crate::model::{Code, Comparison, MemberName, RelationName, Unknown};
use crate::probe::World;
use crate::probe::catalog::{ListedTrigger, Look, Scope, Trigger, look, triggers};
use crate::probe::postgres::Session;

/// When a trigger fires, by the role that a session plays in replication.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Enabled {
    /// As usual.
    Origin,
    /// As usual, and while changes are replicated.
    Always,
    /// Only while changes are replicated.
    Replica,
    /// Never.
    Disabled,
}

/// When it fires, beside the change.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
pub(super) enum Timing {
    #[serde(rename = "before")]
    Before,
    #[serde(rename = "after")]
    After,
    #[serde(rename = "instead of")]
    InsteadOf,
}

/// How often it fires.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum PerWhat {
    Row,
    Statement,
}

/// What it fires at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Event {
    Insert,
    Update,
    Delete,
    Truncate,
}

/// The table of a trigger.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PgTrigger {
    /// The database, as in `[database.NAME]`.
    database: String,
    /// `false`: there is no such trigger. Default: true.
    #[serde(default = "super::presence::yes")]
    present: bool,
    /// Whether it fires.
    enabled: Option<Enabled>,
    /// Before or after the change, or instead of it.
    timing: Option<Timing>,
    /// What it fires at, all of it, in any order.
    events: Option<Vec<Event>>,
    /// The columns of `UPDATE OF`, all of them, in any order. `[]`: any column.
    columns: Option<Vec<String>>,
    /// Once for each row, or once for a statement.
    level: Option<PerWhat>,
    /// Its condition, as PostgreSQL writes it: "(new.state IS DISTINCT FROM old.state)"; "" for none.
    when: Option<String>,
    /// Its function, as the key of `pg_function`: `public.fn_guard()`.
    function: Option<String>,
    /// What the function gets. `[]`: nothing.
    arguments: Option<Vec<String>>,
    /// Is it a constraint trigger?
    constraint: Option<bool>,
    /// Can it be put off to the end of a transaction?
    deferrable: Option<bool>,
    /// Is it put off from the start?
    initially_deferred: Option<bool>,
    /// The other table of a constraint trigger (`FROM`); "" for none.
    referenced: Option<String>,
    /// The name of the table of old rows; "" for none.
    old_table: Option<String>,
    /// The name of the table of new rows; "" for none.
    new_table: Option<String>,
    /// On a partition: the trigger that it is a copy of, as the key of that; "" for none.
    parent: Option<String>,
    /// What `pg_get_triggerdef` writes with an empty search path. It does not say whether the trigger is enabled.
    definition: Option<String>,
    /// Its comment; "" for none.
    comment: Option<String>,
    /// With a pattern as the key: all triggers that it matches, each as its own key would be.
    only: Option<Vec<String>>,
    /// With a pattern: the triggers that enforce constraints on the same tables fire as usual. `false`: nobody looks at
    /// them. Default: true.
    constraints_fire: Option<bool>,
}

/// What was seen.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Seen {
    Absent,
    One(Box<Found>),
    /// Of a pattern.
    List(Vec<ListedTrigger>),
}

/// A trigger that is there.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Found {
    trigger: Trigger,
    /// Kept only where the table says something about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    definition: Option<String>,
}

impl Kind for PgTrigger {
    const NAME: &'static str = "pg_trigger";
    const ABOUT: &'static str =
        "a trigger: whether it fires, when and what; all triggers of a table";
    const DOC: &'static str = "\
The key is `schema.table.name`. A part that is not plain lower case stands in double quotes. Without other keys the trigger
must exist.

`enabled` says whether it fires: `origin` is the usual, `replica` only in sessions with `session_replication_role =
replica`, `always` in both, `disabled` never. `ALTER TABLE … DISABLE TRIGGER ALL` is found by it.

A key with a `*` is a closed list of what matches: `[pg_trigger.\"public.orders.*\"]` with `only` names all triggers of a
table, so one that somebody adds is a difference. Copies on partitions are triggers of the partitions. Triggers of temporary
tables are not listed.

PostgreSQL enforces foreign keys, and unique constraints that can be deferred, by triggers with generated names. They are
never listed in `only`; where one of a matching table does not fire as usual, that is a difference, named after the
constraint: the constraint is there and holds for nobody. `constraints_fire = false` leaves them alone.

`when` and `definition` are what PostgreSQL writes with an empty search path. Writing a condition takes a lock: while a
migration holds the table, a trigger with a condition is Unknown (`locked`); triggers without one, and closed lists, are
answered. A trigger that was changed after the snapshot is Unknown (`changed_while_reading`), and so are the others of its
table. Every role may read all of this.";
    const EXAMPLE: &'static str = r#"
[pg_trigger."public.information_unit.trg_aa_iu_gateway_write_guard"]
database = "directus"
enabled = "origin"
timing = "before"
events = ["insert", "update"]
level = "row"
function = "public.fn_iu_gateway_write_guard()"

[pg_trigger."public.information_unit.*"]
database = "directus"
only = ["public.information_unit.trg_aa_iu_gateway_write_guard"]
"#;
    const IN_DATABASE: bool = true;
    const ADOPT: Option<Adoption> = Some(Adoption {
        flag: "triggers-of",
        value: "TABLE",
        help: "The triggers of a table, or of all that a pattern matches, as in 'public.*', each table's list closed",
        all: None,
    });
    type Observed = Seen;

    fn prepare(&mut self, name: &str, _files: &dyn Files, problems: &mut Vec<Problem>) {
        let object = object_name(name, &self.database);
        let wanted = (self.present, self.only.as_ref());
        closed::check_present(object, wanted, &self.attributes(), problems);
        if is_pattern(object) {
            for item in self.only.iter().flatten() {
                if let Err(why) = MemberName::parse(item) {
                    let message = format!("`{}` of `only` names no trigger: {why}", escape(item));
                    problems.push(Problem::key("only", Code::WrongType, message));
                }
            }
            return;
        }
        if let Err(why) = MemberName::parse(object) {
            problems.push(Problem::resource(Code::BadName, why));
        }
        if self.constraints_fire.is_some() {
            let message = "`constraints_fire` is about tables, and the name is that of a trigger";
            problems.push(Problem::key("constraints_fire", Code::Contradiction, message));
        }
        if self.events.as_ref().is_some_and(Vec::is_empty) {
            let message = "a trigger fires at something";
            problems.push(Problem::key("events", Code::Empty, message));
        }
    }

    fn database(&self) -> Option<&str> {
        Some(&self.database)
    }

    fn question(&self, _name: &str) -> Value {
        json!({ "database": self.database, "definition": self.definition.is_some() })
    }

    fn pinned(&self) -> Option<Value> {
        self.enabled.map(|enabled| enabled.word().into())
    }

    async fn observe_all(world: &World, wanted: &[Named<Self>]) -> Answers<Seen> {
        ask_each(world, wanted, observe).await
    }

    async fn adopt(world: &World, asked: &str) -> Result<Adopted, Unknown> {
        adopt::adopt(world, asked).await
    }

    fn diff(&self, name: &str, observed: &Seen) -> Comparison {
        compare::compare(self, object_name(name, &self.database), observed)
    }
}

impl PgTrigger {
    /// The keys that say something about one trigger, and whether they are there.
    fn attributes(&self) -> Vec<(&'static str, bool)> {
        vec![
            ("enabled", self.enabled.is_some()),
            ("timing", self.timing.is_some()),
            ("events", self.events.is_some()),
            ("columns", self.columns.is_some()),
            ("level", self.level.is_some()),
            ("when", self.when.is_some()),
            ("function", self.function.is_some()),
            ("arguments", self.arguments.is_some()),
            ("constraint", self.constraint.is_some()),
            ("deferrable", self.deferrable.is_some()),
            ("initially_deferred", self.initially_deferred.is_some()),
            ("referenced", self.referenced.is_some()),
            ("old_table", self.old_table.is_some()),
            ("new_table", self.new_table.is_some()),
            ("parent", self.parent.is_some()),
            ("definition", self.definition.is_some()),
            ("comment", self.comment.is_some()),
        ]
    }
}

async fn observe(
    session: &Session,
    wanted: Vec<&Named<PgTrigger>>,
) -> Result<Answers<Seen>, Unknown> {
    let (patterns, others): (Vec<_>, Vec<_>) =
        wanted.into_iter().partition(|named| is_pattern(object_of(named)));
    let named: Vec<(&Named<PgTrigger>, MemberName)> = others
        .into_iter()
        .filter_map(|named| Some((named, MemberName::parse(object_of(named)).ok()?)))
        .collect();
    let mut tables: Vec<RelationName> = named.iter().map(|(_, name)| name.table.clone()).collect();
    tables.sort();
    tables.dedup();
    let looked = if named.is_empty() {
        Look { found: Vec::new(), blocked: BTreeMap::new() }
    } else {
        look::<Trigger>(session, &Scope::Names(tables)).await?
    };
    let listed = if patterns.is_empty() && looked.blocked.is_empty() {
        Vec::new()
    } else {
        triggers(session, |_| true).await?
    };
    let list = |pattern: &str| {
        let meant = |trigger: &&ListedTrigger| {
            // One that enforces a constraint is meant where a trigger of any name would be.
            let all = || matches(pattern, &format!("{}.", trigger.table));
            if trigger.internal { all() } else { matches(pattern, &trigger.key) }
        };
        Seen::List(listed.iter().filter(meant).cloned().collect())
    };
    let lists = patterns.into_iter().map(|named| (named.name.clone(), Ok(list(object_of(named)))));
    let mut answers: Answers<Seen> = lists.collect();
    for (named, name) in named {
        answers.insert(named.name.clone(), one(&named.spec, &name, &looked, &listed));
    }
    Ok(answers)
}

/// What was seen of one trigger.
fn one(
    spec: &PgTrigger,
    name: &MemberName,
    looked: &Look<Trigger>,
    listed: &[ListedTrigger],
) -> Result<Seen, Unknown> {
    let is_it = |found: &&Trigger| !found.internal && found.member() == *name;
    if let Some(trigger) = looked.found.iter().find(is_it) {
        let definition = spec.definition.as_ref().map(|_| trigger.definition.clone());
        return Ok(Seen::One(Box::new(Found { trigger: trigger.clone(), definition })));
    }
    // The list is of the snapshot and waits for nobody: who is not in it is not there.
    let key = name.to_string();
    let is_there = listed.iter().any(|listed| !listed.internal && listed.key == key);
    match looked.blocked.get(&name.table) {
        Some(why) if is_there => Err(why.clone()),
        _ => Ok(Seen::Absent),
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

impl Timing {
    const fn word(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::After => "after",
            Self::InsteadOf => "instead of",
        }
    }
}

impl PerWhat {
    const fn word(self) -> &'static str {
        match self {
            Self::Row => "row",
            Self::Statement => "statement",
        }
    }
}

impl Event {
    const ALL: [Self; 4] = [Self::Insert, Self::Update, Self::Delete, Self::Truncate];

    const fn word(self) -> &'static str {
        match self {
            Self::Insert => "insert",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Truncate => "truncate",
        }
    }
}

#[cfg(test)]
mod tests;
