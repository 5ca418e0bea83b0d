//! The folders that systemd reads units from, listed once and then searched in memory.
//!
//! Earlier folders win over later ones. A link into the same folders is another name of a unit; a link out of them is
//! the unit itself, lying elsewhere; a link to `/dev/null` masks it.

use std::collections::BTreeMap;

use super::{UNITS_MAX, UnitName};
use crate::model::{Reason, Unknown};
use crate::probe::host::{Contents, Facts, FileType};

/// Where the administrator's own units lie, and the links that enable units.
pub(super) const CONFIG: &str = "/etc/systemd/system";
/// The folders of generated units.
pub(super) const GENERATED: &[&str] =
    &["/run/systemd/generator.early", "/run/systemd/generator", "/run/systemd/generator.late"];
/// The folder of units that a program described to the manager.
pub(super) const TRANSIENT: &str = "/run/systemd/transient";
/// Every folder, the first one winning.
const SEARCHED: &[&str] = &[
    "/etc/systemd/system.control",
    "/run/systemd/system.control",
    TRANSIENT,
    "/run/systemd/generator.early",
    CONFIG,
    "/etc/systemd/system.attached",
    "/run/systemd/system",
    "/run/systemd/system.attached",
    "/run/systemd/generator",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
    "/run/systemd/generator.late",
];
/// As many names may lead from one to the next.
const ALIASES_MAX: usize = 64;

/// All folders of the search path, with what lies in them and one level below.
#[derive(Debug)]
pub(super) struct Folders {
    pub(super) search: Vec<Folder>,
    /// Is `/lib` a link to `/usr/lib`, so that both name the same files?
    merged: bool,
}

/// One folder of the search path.
#[derive(Debug)]
pub(super) struct Folder {
    pub(super) path: String,
    pub(super) entries: BTreeMap<String, Entry>,
    /// The folders in it that link units (`*.wants`) or add to them (`*.d`).
    pub(super) below: BTreeMap<String, BTreeMap<String, Entry>>,
}

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Entry {
    File,
    /// A link, and where it says it leads.
    Link(String),
    /// A folder, or anything else that is no unit file.
    Other,
}

/// What stands under one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    /// A file of that name.
    File { path: String },
    /// A link out of the search path: `path` is the link, `target` where it leads.
    Linked { path: String, target: String },
    /// A link to another name.
    Alias { name: String, path: String, target: String },
}

impl Folders {
    pub(super) fn read(facts: Facts<'_>) -> Result<Self, Unknown> {
        let merged = is_merged(facts)?;
        let mut room = UNITS_MAX;
        let mut search = Vec::new();
        for path in SEARCHED {
            if merged && path.starts_with("/lib/") {
                continue;
            }
            search.push(Folder::read(facts, path, &mut room)?);
        }
        Ok(Self { search, merged })
    }

    /// A path by the one name that it has when `/lib` is a link.
    pub(super) fn plain(&self, path: &str) -> String {
        if self.merged && path.starts_with("/lib/") {
            format!("/usr{path}")
        } else {
            path.to_owned()
        }
    }

    /// What stands under exactly this name, in the first folder that has it.
    pub(super) fn standing(&self, name: &str) -> Option<Standing> {
        self.search.iter().find_map(|folder| {
            let path = format!("{}/{name}", folder.path);
            match folder.entries.get(name)? {
                Entry::File => Some(Standing::File { path }),
                Entry::Link(target) => self.link(folder, name, path, target),
                Entry::Other => None,
            }
        })
    }

    /// `None` for a link that systemd ignores: to a name of another type, or from a template to something that is none.
    fn link(&self, folder: &Folder, name: &str, path: String, target: &str) -> Option<Standing> {
        let target = self.absolute(&folder.path, target);
        let (parent, last) = target.rsplit_once('/')?;
        let inside = |folder: &Folder| {
            parent
                .strip_prefix(&folder.path)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if !self.search.iter().any(inside) {
            return Some(Standing::Linked { path, target });
        }
        let name_of = (UnitName::parse(name)?, UnitName::parse(last)?);
        let fits = match name_of {
            (from, to) if from.suffix != to.suffix => false,
            (from, to) if to.is_template() => from.instance.is_some(),
            (from, to) => from.instance == to.instance,
        };
        let alias = last.to_owned();
        fits.then_some(Standing::Alias { name: alias, path, target })
    }

    /// Where a link in `folder` leads, as an absolute path without `.` and `..`.
    pub(super) fn absolute(&self, folder: &str, target: &str) -> String {
        let start = if target.starts_with('/') { "" } else { folder };
        let mut parts: Vec<&str> = Vec::new();
        for part in start.split('/').chain(target.split('/')) {
            match part {
                "" | "." => {}
                ".." => {
                    parts.pop();
                }
                part => parts.push(part),
            }
        }
        self.plain(&format!("/{}", parts.join("/")))
    }

    /// The unit behind a name, and the file that defines it: aliases followed, an instance by its template.
    ///
    /// `None` when no file defines it.
    pub(super) fn definition(&self, name: &str) -> Option<(String, Standing)> {
        let mut id = name.to_owned();
        for _ in 0..ALIASES_MAX {
            let of = UnitName::parse(&id)?;
            let template = of.template();
            let standing = self
                .standing(&id)
                .or_else(|| template.as_deref().and_then(|t| self.standing(t)))?;
            let Standing::Alias { name: next, path, target } = &standing else {
                return Some((id, standing));
            };
            let to = UnitName::parse(next)?;
            let instance = of.instance.filter(|_| to.is_template()).unwrap_or_default();
            let next = if instance.is_empty() { next.clone() } else { to.with_instance(instance) };
            if next == id {
                // `a@x` is a link to `a@`: the instance keeps its name, and its file is where the link leads.
                let (path, target) = (path.clone(), target.clone());
                return Some((id, Standing::Linked { path, target }));
            }
            id = next;
        }
        None
    }

    /// The other names of a unit.
    pub(super) fn aliases(&self, id: &str) -> Vec<String> {
        let instance = UnitName::parse(id).and_then(|name| name.instance).unwrap_or_default();
        let mut found: Vec<String> = Vec::new();
        for folder in &self.search {
            for name in
                folder.entries.iter().filter(|(_, e)| matches!(e, Entry::Link(_))).map(|(n, _)| n)
            {
                let Some(of) = UnitName::parse(name) else { continue };
                let made = of.is_template() && !instance.is_empty();
                let name = if made { of.with_instance(instance) } else { name.clone() };
                let leads = || self.definition(&name).is_some_and(|(to, _)| to == id);
                if name != id && !found.contains(&name) && leads() {
                    found.push(name);
                }
            }
        }
        found
    }

    /// Every name that stands in a folder, and then those that are only linked from a folder below, as instances are.
    pub(super) fn names(&self) -> impl Iterator<Item = (&str, bool)> {
        let standing = self.search.iter().flat_map(|folder| {
            let files = folder.entries.iter().filter(|(_, entry)| **entry != Entry::Other);
            files.map(|(name, _)| (name.as_str(), false))
        });
        let linked = self.search.iter().flat_map(|folder| {
            let below = folder.below.iter().filter(|(name, _)| is_wants(name));
            below.flat_map(|(_, entries)| entries.keys()).map(|name| (name.as_str(), true))
        });
        standing.chain(linked)
    }
}

/// Is `/lib` a link to `/usr/lib`, so that both name the same files?
pub(super) fn is_merged(facts: Facts<'_>) -> Result<bool, Unknown> {
    Ok(match facts.target("/lib")? {
        Contents::Regular(_, target) => target == "usr/lib" || target == "/usr/lib",
        _ => false,
    })
}

/// Does a folder of this name hold links that start units with another one?
pub(super) fn is_wants(folder: &str) -> bool {
    [".wants", ".requires", ".upholds"].iter().any(|end| folder.ends_with(end))
}

/// Does a folder of this name hold files that add to units?
fn adds(folder: &str) -> bool {
    folder.strip_suffix(".d").is_some()
}

impl Folder {
    fn read(facts: Facts<'_>, path: &str, room: &mut usize) -> Result<Self, Unknown> {
        let (entries, folders) = entries(facts, path, room)?;
        let mut below = BTreeMap::new();
        for name in folders.into_iter().filter(|name| is_wants(name) || adds(name)) {
            let (inner, _) = entries_below(facts, path, &name, room)?;
            below.insert(name, inner);
        }
        Ok(Self { path: path.to_owned(), entries, below })
    }
}

type Listing = (BTreeMap<String, Entry>, Vec<String>);

fn entries_below(
    facts: Facts<'_>,
    path: &str,
    name: &str,
    room: &mut usize,
) -> Result<Listing, Unknown> {
    entries(facts, &format!("{path}/{name}"), room)
}

/// The entries of a folder, and the names of those that are folders or may lead to one.
fn entries(facts: Facts<'_>, path: &str, room: &mut usize) -> Result<Listing, Unknown> {
    let Contents::Regular(_, listed) = facts.entries(path, *room)? else {
        return Ok((BTreeMap::new(), Vec::new()));
    };
    *room -= listed.len().min(*room);
    let (mut entries, mut folders) = (BTreeMap::new(), Vec::new());
    for entry in listed {
        // No unit, and no file that adds to one, has a name that is not UTF-8.
        let Ok(name) = entry.name.into_string() else { continue };
        let at = format!("{path}/{name}");
        let file_type = match entry.file_type {
            Some(file_type) => Some(file_type),
            None => facts.stat(&at)?.map(|stat| stat.file_type),
        };
        let kind = match file_type {
            Some(FileType::File) => Entry::File,
            Some(FileType::Symlink) => match facts.target(&at)? {
                Contents::Regular(_, target) => Entry::Link(text(&at, target)?),
                _ => continue,
            },
            _ => Entry::Other,
        };
        let link = matches!(kind, Entry::Link(_));
        if file_type == Some(FileType::Directory) || (link && adds(&name)) {
            folders.push(name.clone());
        }
        entries.insert(name, kind);
    }
    Ok((entries, folders))
}

fn text(at: &str, target: std::ffi::OsString) -> Result<String, Unknown> {
    target.into_string().map_err(|_| {
        let at = crate::model::display::escape(at);
        Unknown::new(Reason::NotSupported, format!("`{at}` leads to a name that is not UTF-8"))
    })
}
