//! Asking the managers: each database is read once for all tables.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use super::super::closed::{is_pattern, matches};
use super::super::{Answers, Named};
use super::{Instance, Manager, Package, Seen};
use crate::model::Unknown;
use crate::probe::host::Host;
use crate::probe::packages::{Package as Found, dpkg, pip, rpm};

type Database = OnceCell<Result<Vec<Found>, Unknown>>;

pub(super) fn all(host: &Host, wanted: &[Named<Package>], deadline: Duration) -> Answers<Seen> {
    let (of_dpkg, of_rpm) = (Database::new(), Database::new());
    let mut folders = Folders::new();
    let answers = wanted.iter().map(|named| {
        let (spec, key) = (&named.spec, named.name.as_str());
        let seen = match spec.manager {
            Manager::Dpkg => among(of_dpkg.get_or_init(|| dpkg::read(host)), spec, key),
            Manager::Rpm => among(of_rpm.get_or_init(|| rpm::read(host, deadline)), spec, key),
            Manager::Pip => in_folders(host, &mut folders, spec, key),
        };
        (named.name.clone(), seen)
    });
    answers.collect()
}

/// What dpkg has of one name, or of all that a pattern matches, and is more than configuration left behind.
pub(super) fn dpkg(host: &Host, asked: &str) -> Result<Vec<Found>, Unknown> {
    let mut packages = dpkg::read(host)?;
    packages.retain(|found| {
        let full = full_name(found);
        let fits =
            if is_pattern(asked) { matches(asked, &found.name) } else { asked == found.name };
        (fits || asked == full) && Instance::of(found).is_there()
    });
    packages.sort_by_key(full_name);
    Ok(packages)
}

/// `NAME:ARCHITECTURE`, as dpkg writes it.
fn full_name(found: &Found) -> String {
    format!("{}:{}", found.name, found.architecture.as_deref().unwrap_or_default())
}

fn among(
    database: &Result<Vec<Found>, Unknown>,
    spec: &Package,
    key: &str,
) -> Result<Seen, Unknown> {
    let packages = database.as_ref().map_err(Clone::clone)?;
    if !is_pattern(key) {
        let (name, _) = spec.looked_for(key);
        let found = packages.iter().filter(|package| package.name == name).map(Instance::of);
        return Ok(Seen::Named { found: found.collect(), no_folder: Vec::new() });
    }
    let mut matched: BTreeMap<String, Option<String>> = BTreeMap::new();
    for package in packages {
        // A pattern with a colon is about names with their architecture.
        let name = if key.contains(':') { full_name(package) } else { package.name.clone() };
        let instance = Instance::of(package);
        if matches(key, &name) && instance.is_there() {
            let mut about = instance.brief();
            if !instance.is_installed() {
                about = format!("{about} ({})", instance.state);
            }
            let also = matched.entry(name).or_default();
            *also = Some(also.take().map_or(about.clone(), |also| format!("{also}, {about}")));
        }
    }
    Ok(Seen::Matched(matched))
}

type Folders = BTreeMap<String, Result<Option<pip::Folder>, Unknown>>;

fn in_folders(host: &Host, read: &mut Folders, spec: &Package, key: &str) -> Result<Seen, Unknown> {
    let (mut found, mut no_folder) = (Vec::new(), Vec::new());
    let mut matched = BTreeMap::new();
    for path in spec.paths.iter().flatten() {
        let folder = read
            .entry(path.clone())
            .or_insert_with(|| pip::Folder::read(host, Path::new(path)))
            .as_ref()
            .map_err(Clone::clone)?;
        let Some(folder) = folder else {
            no_folder.push(path.clone());
            continue;
        };
        if is_pattern(key) {
            let names = folder.names().filter(|name| matches(&key.to_lowercase(), name));
            for name in names {
                matched.entry(name.to_owned()).or_insert_with(|| Some(format!("in {path}")));
            }
        } else if found.is_empty() {
            let (name, _) = spec.looked_for(key);
            found = folder.named(host, name)?.iter().map(Instance::of).collect();
        }
    }
    if !is_pattern(key) {
        return Ok(Seen::Named { found, no_folder });
    }
    // A list is no list of what is below folders that are not there.
    if let Some(path) = no_folder.first() {
        let detail = format!("there is no folder `{}`", crate::model::display::escape(path));
        return Err(Unknown::new(crate::model::Reason::NotSupported, detail));
    }
    Ok(Seen::Matched(matched))
}
