//! What has to wait: for something that this plan leaves alone, for a folder that nobody makes, for what a directory still
//! holds. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::Why;
use super::propose::{Input, Own};
use crate::action::{Action, Change, Condition, PathState};
use crate::desired::Resource;
use crate::model::ResourceName;
use crate::model::display::escape;

/// Takes out what has to wait for something that is left alone, until nothing more has to.
pub(super) fn hold_back(
    input: &Input<'_>,
    wanted: &BTreeMap<&ResourceName, &Resource>,
    own: &mut BTreeMap<ResourceName, Own>,
    left: &mut BTreeMap<ResourceName, Why>,
) {
    loop {
        let reached = Reached::of(own);
        let held: Vec<(ResourceName, Why)> = own
            .iter()
            .filter_map(|(name, own)| {
                let resource = wanted.get(name)?;
                Some((name.clone(), waits(input, resource, own, left, &reached)?))
            })
            .collect();
        if held.is_empty() {
            return;
        }
        for (name, why) in held {
            own.remove(&name);
            left.insert(name, why);
        }
    }
}

/// The paths that the changes so far are about.
struct Reached<'a> {
    /// Where something comes to stand, or is changed.
    kept: BTreeSet<&'a str>,
    /// What is taken away.
    removed: BTreeSet<&'a str>,
}

impl<'a> Reached<'a> {
    fn of(own: &'a BTreeMap<ResourceName, Own>) -> Self {
        let mut reached = Self { kept: BTreeSet::new(), removed: BTreeSet::new() };
        let changes = own.values().filter_map(|own| match own {
            Own::Changes(changes) => Some(changes),
            Own::Statements(..) => None,
        });
        for action in changes.flatten().map(|change| &change.action) {
            let paths = if is_removal(action) { &mut reached.removed } else { &mut reached.kept };
            paths.extend(action.path());
        }
        reached
    }

    /// Why a unit is not what the manager takes it for, if it is not.
    fn unread(&self, unit: &str) -> Option<Why> {
        let path = self.kept.iter().chain(&self.removed).find(|path| decides(path, unit))?;
        Some(Why::NoRemedy(format!(
            "this plan changes {}, and the manager would go by what it has read before: once `systemctl daemon-reload` has \
             been run, a new plan can do it",
            escape(path)
        )))
    }

    /// Why a directory does not get empty, if it does not.
    fn inside(&self, input: &Input<'_>, directory: &str) -> Option<Why> {
        let entries = input.around.entries.get(directory).into_iter().flatten();
        let stays = entries.map(String::as_str).find(|entry| !self.removed.contains(entry));
        let within = |path: &&str| *path != directory && Path::new(path).starts_with(directory);
        let other = stays.or_else(|| self.kept.iter().copied().find(within))?;
        Some(Why::NoRemedy(format!(
            "a directory is removed when nothing is left in it, and this plan leaves {}",
            escape(other)
        )))
    }
}

/// Does a file decide what a unit is? It has the name of the unit or of its template, or stands in its folder of drop-ins.
fn decides(path: &str, unit: &str) -> bool {
    let template = unit
        .split_once('@')
        .and_then(|(name, rest)| Some(format!("{name}@.{}", rest.rsplit_once('.')?.1)));
    let path = Path::new(path);
    let is = |name: Option<&std::ffi::OsStr>, ending: &str| {
        let Some(name) = name.and_then(|name| name.to_str()?.strip_suffix(ending)) else {
            return false;
        };
        name == unit || Some(name) == template.as_deref()
    };
    is(path.file_name(), "") || is(path.parent().and_then(|above| above.file_name()), ".d")
}

/// Does it take something away?
pub(super) const fn is_removal(action: &Action) -> bool {
    matches!(action, Action::Remove { .. })
}

/// What a resource waits for in vain.
fn waits(
    input: &Input<'_>,
    resource: &Resource,
    own: &Own,
    left: &BTreeMap<ResourceName, Why>,
    reached: &Reached<'_>,
) -> Option<Why> {
    if let Some(on) = resource.common.depends_on.iter().find(|name| left.contains_key(*name)) {
        return Some(Why::Waits(on.to_string()));
    }
    // What stands above something that cannot be told is left as it is.
    if let Some((below, _)) = left.iter().find(|(name, why)| {
        matches!(why, Why::Unknown(_))
            && resource.name.name != name.name
            && resource.name.name.starts_with('/')
            && Path::new(&name.name).starts_with(&resource.name.name)
    }) {
        return Some(Why::Unknown(format!(
            "{} below it cannot be told",
            escape(&below.to_string())
        )));
    }
    let changes = match own {
        Own::Changes(changes) => changes,
        Own::Statements(_, makers) => {
            let maker = makers.iter().find(|name| left.contains_key(*name));
            return maker.map(|name| Why::Waits(name.to_string()));
        }
    };
    changes.iter().find_map(|change| match &change.action {
        Action::Remove { path } => reached.inside(input, path),
        Action::Unit { unit, .. } => reached.unread(unit),
        _ => above(input, change, &reached.kept),
    })
}

/// Why the folder in which something would be made is not there.
fn above(input: &Input<'_>, change: &Change, made: &BTreeSet<&str>) -> Option<Why> {
    let creates = matches!(
        (&change.action, &change.before),
        (
            Action::CreateDirectory { .. }
                | Action::WriteFile { .. }
                | Action::CreateSymlink { .. },
            Condition::Path { is: PathState::Absent, .. }
        )
    );
    let path = change.action.path().filter(|_| creates)?;
    let above = Path::new(path).parent()?.to_str()?;
    let missing = input.around.without_folder.contains(path) && !made.contains(above);
    missing.then(|| Why::Waits(format!("directory.{above}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_a_unit_have_its_name_or_that_of_its_template() {
        for (path, unit, is) in [
            ("/etc/systemd/system/a.service", "a.service", true),
            ("/etc/systemd/system/a.service.d/more.conf", "a.service", true),
            ("/etc/systemd/system/a@.service", "a@b.service", true),
            ("/etc/systemd/system/a@.service.d/more.conf", "a@b.service", true),
            ("/etc/systemd/system/a@b.service", "a@b.service", true),
            ("/etc/systemd/system/a.service", "b.service", false),
            ("/etc/systemd/system/a@.service", "a.service", false),
            ("/etc/a.conf", "a.service", false),
        ] {
            assert_eq!(decides(path, unit), is, "{path} {unit}");
        }
    }
}
