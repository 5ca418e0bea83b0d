//! Statements of a plan: text with every name quoted, run in one transaction, in order.

use serde::{Deserialize, Serialize};

use super::Risk;

/// Statements that run together, or not at all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sql {
    /// The database, by its name in desired state.
    pub database: String,
    /// What runs, in this order.
    pub statements: Vec<Statement>,
}

/// One statement for one resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// The resource that it is for, as `KIND.NAME`.
    pub resource: String,
    /// What is sent to the server, alone.
    pub text: String,
    /// What takes it back; `None` where nothing does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<String>,
    /// May it be run for real in a transaction that is rolled back, on the database itself?
    pub rehearse: bool,
    /// How much can go wrong with it.
    pub risk: Risk,
}
