//! What no step may change: guards, and the files that they live in.

use std::collections::BTreeMap;
use std::path::Path;

use crate::action::Action;
use crate::desired::Desired;
use crate::model::ResourceName;

/// Guards with the value that is pinned for each, as JSON, and the paths that they are read from.
#[derive(Debug, Clone, Default)]
pub struct Guarded {
    /// By resource.
    pub pins: BTreeMap<String, String>,
    /// Paths that decide what a guard says, with the guard.
    paths: Vec<(String, String)>,
}

impl Guarded {
    /// The guards of desired state and of the host's own configuration.
    #[must_use]
    pub fn of(desired: &Desired, pinned: &BTreeMap<String, serde_json::Value>) -> Self {
        let mut guarded = Self::default();
        for (name, value) in pinned {
            guarded.pins.insert(name.clone(), value.to_string());
        }
        for resource in desired.resources.values() {
            let name = resource.name.to_string();
            if resource.common.kill_switch {
                let value =
                    resource.spec.pinned().map_or_else(String::new, |value| value.to_string());
                guarded.pins.entry(name.clone()).or_insert(value);
            }
            if guarded.pins.contains_key(&name) {
                let places = resource.spec.lives_in(&resource.name.name);
                guarded.paths.extend(places.into_iter().map(|path| (path, name.clone())));
            }
        }
        guarded
    }

    /// Is it a guard?
    #[must_use]
    pub fn is_guard(&self, name: &ResourceName) -> bool {
        self.pins.contains_key(&name.to_string())
    }

    /// The guard that an action could change, if there is one: it lives in the file, below the folder, behind the link that
    /// would be written or removed, or in the keyring.
    #[must_use]
    pub fn touched(&self, action: &Action) -> Option<&str> {
        let path = Path::new(action.path()?);
        let replaces = matches!(
            action,
            Action::WriteFile { .. }
                | Action::CreateSymlink { .. }
                | Action::Remove { .. }
                | Action::ImportKey { .. }
                | Action::RemoveKey { .. }
        );
        let touched = |lives: &Path| path.starts_with(lives) || replaces && lives.starts_with(path);
        let found = self.paths.iter().find(|(lives, _)| touched(Path::new(lives)));
        found.map(|(_, guard)| guard.as_str())
    }
}
