//! What is kept of processes that were seen: never a word of a command line, nor a number that changes with every start.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::kinds::closed;
use crate::model::Unknown;
use crate::model::display::one_line;
use crate::probe::capability;
use crate::probe::host::Host;
use crate::probe::kernel::processes::Process as Running;

/// One process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::kinds) struct One {
    pub(super) name: String,
    pub(super) user: Result<String, Unknown>,
    pub(super) unit: Option<String>,
    /// `None`: it ended before its program could be read.
    pub(super) deleted_exe: Result<Option<bool>, Unknown>,
    pub(super) capabilities: Vec<String>,
    pub(super) no_new_privs: Option<bool>,
}

impl One {
    pub(super) fn of(host: &Host, running: &Running) -> Self {
        let exe = running.exe.as_ref().map_err(Clone::clone);
        Self {
            name: running.name.clone(),
            user: host.user_name(running.uid),
            unit: running.unit.clone(),
            deleted_exe: exe.map(|exe| exe.as_ref().map(|exe| exe.deleted)),
            capabilities: capability::names(running.capabilities),
            no_new_privs: running.no_new_privs,
        }
    }
}

/// What runs as `USER/NAME`, of those that a pattern means; several of one name are told together.
pub(super) fn by_user(
    host: &Host,
    all: &[Running],
    pattern: &str,
) -> Result<BTreeMap<String, String>, Unknown> {
    let mut grouped: BTreeMap<String, Vec<&Running>> = BTreeMap::new();
    for running in all {
        let name = format!("{}/{}", host.user_name(running.uid)?, running.name);
        if closed::matches(pattern, &name) {
            grouped.entry(name).or_default().push(running);
        }
    }
    Ok(grouped.into_iter().map(|(name, group)| (name, about(&group))).collect())
}

/// `pid 812 /usr/bin/python3.12, cutter-agent.service, and 2 more`
fn about(group: &[&Running]) -> String {
    let Some(first) = group.first() else { return String::new() };
    let exe = match &first.exe {
        Ok(Some(exe)) => format!(" {}", one_line(&exe.path, 120)),
        _ => String::new(),
    };
    let unit = first.unit.as_ref().map(|unit| format!(", {unit}")).unwrap_or_default();
    let more = match group.len() {
        0 | 1 => String::new(),
        count => format!(", and {} more", count - 1),
    };
    format!("pid {}{exe}{unit}{more}", first.pid)
}
