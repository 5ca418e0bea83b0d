//! A resource: the attributes that all share, beside the specification of its kind.

use std::collections::BTreeSet;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;

use super::Declared;
use crate::kinds::{Entry, Spec};
use crate::model::{ResourceName, Route, Severity, Span};

/// The keys that every resource takes.
pub const COMMON_KEYS: &[&str] = &[
    "severity",
    "route",
    "next_action",
    "gap",
    "depends_on",
    "kill_switch",
    "interval",
    "contact",
    "remedy",
    "undo",
];

/// What every resource can say.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Common {
    /// How much a drift matters; "major" without it.
    pub severity: Option<Severity>,
    /// Who has to move for a drift to end; "host" without it.
    #[serde(default)]
    pub route: Route,
    /// What that one has to do, for the report.
    pub next_action: Option<String>,
    /// The gap that this resource belongs to, such as "GAP5".
    pub gap: Option<String>,
    /// Resources that have to be in place first, as `KIND.NAME`.
    #[serde(default)]
    pub depends_on: Vec<ResourceName>,
    /// A guard: it must hold before and after every change, and cannot be waived.
    #[serde(default)]
    pub kill_switch: bool,
    /// How often it is looked at, such as "5m".
    pub interval: Option<String>,
    /// Whom to ask.
    pub contact: Option<String>,
    /// For what stands in a database: a file with the one SQL statement that makes it what is wanted, such as
    /// "sql/lock-down.sql". Names in it have their schema, since nothing is on the search path.
    pub remedy: Option<String>,
    /// A file with the one statement that takes `remedy` back. Without it nothing does.
    pub undo: Option<String>,
}

/// One resource of a host.
#[derive(Debug, Clone)]
pub struct Resource {
    /// Its identity.
    pub name: ResourceName,
    /// What every resource can say.
    pub common: Common,
    /// What its kind says.
    pub spec: Arc<dyn Spec>,
    /// Its kind.
    pub kind: &'static Entry,
    /// What `remedy` and `undo` name.
    pub declared: Option<Declared>,
    /// The file it stands in.
    pub file: String,
    /// The files that it refers to.
    pub files: BTreeSet<String>,
    /// The bytes of its name there.
    pub span: Span,
    /// The line of its name there, from 1.
    pub line: u64,
    /// Its table as data, for the guards of the host's configuration.
    pub table: serde_json::Value,
}
