//! What desired state says about a host as a whole: `[host]`, `[database.NAME]`, `[defaults]`, `[values]`.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::model::Severity;

/// `[host]`: who this is.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HostSection {
    /// What must be true of the machine before anything else is looked at.
    #[serde(default)]
    pub identity: HostIdentity,
    /// The roles whose resources it shares: folders below `roles/`.
    #[serde(default)]
    pub roles: Vec<String>,
}

/// What makes a machine this one.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HostIdentity {
    /// Its host name.
    pub hostname: Option<String>,
    /// The content of its `/etc/machine-id`.
    pub machine_id: Option<String>,
}

/// `[database.NAME]`: which database this is.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DatabaseSection {
    /// What must be true of it before anything else is asked of it.
    #[serde(default)]
    pub identity: DatabaseIdentity,
}

/// What makes a database this one.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DatabaseIdentity {
    /// The cluster's system identifier, as `pg_control_system()` shows it; made once by initdb.
    pub system_identifier: Option<String>,
    /// The name of the database.
    pub name: Option<String>,
    /// The server's version: "16" or "16.13".
    pub server_version: Option<String>,
}

/// `[defaults]` in `fleet.toml`: what holds for every resource that does not say otherwise.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Defaults {
    /// How much a drift matters.
    pub severity: Option<Severity>,
    /// Whom to ask.
    pub contact: Option<String>,
}
