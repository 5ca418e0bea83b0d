//! The guards of the host's own configuration: what desired state must contain, and with which values.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::desired::Desired;
use crate::model::ResourceName;

/// A guard that desired state lacks or has loosened. The program refuses to go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("guard `{name}`: {reason}")]
pub struct Loosened {
    /// Which guard.
    pub name: String,
    /// What is wrong with it.
    pub reason: String,
}

/// Checks every guard; all that are loosened come back.
///
/// A guard is a value, which the resource must expect, or a table, each key of which the resource must have as it is.
#[must_use]
pub fn guards(guards: &BTreeMap<String, Value>, desired: &Desired) -> Vec<Loosened> {
    let loosened = |name: &str, reason: String| Loosened { name: name.to_owned(), reason };
    let mut found = Vec::new();
    for (name, wanted) in guards {
        let resource = ResourceName::parse(name).and_then(|name| desired.resources.get(&name));
        let Some(resource) = resource else {
            found.push(loosened(name, "desired state does not contain it".to_owned()));
            continue;
        };
        if !resource.common.kill_switch {
            found.push(loosened(
                name,
                "desired state does not declare it with `kill_switch = true`".to_owned(),
            ));
        }
        match wanted {
            Value::Object(keys) => {
                for (key, value) in keys {
                    let has = resource.table.get(key).cloned().unwrap_or_default();
                    if has != *value {
                        found.push(loosened(
                            name,
                            format!("`{key}` is {has} in desired state, and {value} is pinned"),
                        ));
                    }
                }
            }
            value => match resource.spec.pinned() {
                Some(has) if has == *value => {}
                Some(has) => found.push(loosened(
                    name,
                    format!("desired state expects {has}, and {value} is pinned"),
                )),
                None => found.push(loosened(
                    name,
                    format!("desired state expects no single value, and {value} is pinned"),
                )),
            },
        }
    }
    found
}
