//! Units as their files alone describe them: for a root that is not running, or where that is what is asked.
//!
//! No program is started, so a foreign root needs no systemd and runs nothing. What only a running manager knows is
//! Unknown. The states of unit files are those of `systemctl --root=DIR is-enabled`; a test compares the two.

use super::folders::{CONFIG, Entry, Folder, Folders, GENERATED, Standing, TRANSIENT, is_wants};
use super::install::Install;
use super::{Answered, Asked, Listed, Source, Unit, UnitName, drop_ins, no_digest};
use crate::model::{Reason, Unknown};
use crate::probe::host::{Contents, Facts, Host};

/// The longest unit file that is read.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Reads the search path once, and answers from it.
pub(super) fn look(host: &Host, asked: &Asked) -> Result<Answered, Unknown> {
    let facts = host.facts();
    let reader = Reader { facts, folders: Folders::read(facts)? };
    let by_files = |unit| (Source::Files, unit);
    let units = asked.names.iter().map(|name| (name.clone(), reader.unit(name).map(by_files)));
    let by_files = |list| (Source::Files, list);
    let list = |pattern: &String| reader.list(pattern, asked.matches).map(by_files);
    let lists = asked.patterns.iter().map(|pattern| (pattern.clone(), list(pattern)));
    Ok(Answered { units: units.collect(), lists: lists.collect() })
}

/// What files cannot say.
fn unsaid(name: &str, what: &str) -> Unknown {
    let template = UnitName::parse(name).is_some_and(|name| name.is_template());
    let why = if template {
        "a template itself is never loaded; ask for one of its instances"
    } else {
        "unit files were read, and files have no state; only a running manager can tell"
    };
    Unknown::new(Reason::NotSupported, format!("{what}: {why}"))
}

struct Reader<'a> {
    facts: Facts<'a>,
    folders: Folders,
}

/// What stands at the end of a link out of the search path.
enum End {
    Nothing,
    /// `/dev/null`, or a file without any content.
    Mask,
    File(Vec<u8>),
}

impl Reader<'_> {
    fn unit(&self, name: &str) -> Result<Unit, Unknown> {
        let (id, standing) = match self.folders.definition(name) {
            Some((id, standing)) => (id, Some(standing)),
            None => (name.to_owned(), None),
        };
        let (load, path) = match &standing {
            None | Some(Standing::Alias { .. }) => ("not-found", None),
            Some(standing) => {
                let path = path_of(standing);
                match self.end(standing)? {
                    End::Nothing => ("not-found", None),
                    End::Mask => ("masked", Some(path)),
                    End::File(_) => ("loaded", Some(path)),
                }
            }
        };
        let aliases = self.folders.aliases(&id);
        Ok(Unit {
            load: load.to_owned(),
            load_error: None,
            active: Err(unsaid(name, "active")),
            enabled: self.state(name).map(Option::unwrap_or_default),
            fragment: path.map(str::to_owned),
            fragment_sha256: no_digest(),
            drop_ins: drop_ins::of(&self.folders, &id, &aliases),
            definition_sha256: no_digest(),
            needs_reload: Err(unsaid(name, "needs_reload")),
            result: Err(unsaid(name, "result")),
            user: Err(unsaid(name, "user")),
            triggered: Err(unsaid(name, "triggered_within")),
            id,
        })
    }

    fn list(&self, pattern: &str, matches: fn(&str, &str) -> bool) -> Result<Listed, Unknown> {
        let mut listed = Listed::new();
        for (name, linked) in self.folders.names() {
            if !matches(pattern, name)
                || UnitName::parse(name).is_none()
                || listed.contains_key(name)
            {
                continue;
            }
            let state = match self.state(name)? {
                Some(state) => state,
                // A link of another unit to something that is gone is no unit; a link that is gone itself is a bad one.
                None if linked => continue,
                None => "bad".to_owned(),
            };
            listed.insert(name.to_owned(), format!("file, {state}"));
        }
        Ok(listed)
    }

    /// The state of a unit file, in the words of systemd; `None` when there is none.
    fn state(&self, name: &str) -> Result<Option<String>, Unknown> {
        let Some((id, standing)) = self.folders.definition(name) else { return Ok(None) };
        if id != name {
            return Ok(Some("alias".to_owned()));
        }
        let path = path_of(&standing);
        let word = match self.end(&standing)? {
            End::Nothing => return Ok(None),
            End::Mask if is_runtime(path) => "masked-runtime",
            End::Mask => "masked",
            End::File(text) => {
                let real = match &standing {
                    Standing::Linked { target, .. } | Standing::Alias { target, .. } => target,
                    Standing::File { path } => path,
                };
                return Ok(Some(self.file_state(name, real, text)?.to_owned()));
            }
        };
        Ok(Some(word.to_owned()))
    }

    /// The state of a file that is there and says something; `path` is where it really lies.
    fn file_state(&self, name: &str, path: &str, text: Vec<u8>) -> Result<&'static str, Unknown> {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let Some(of) = UnitName::parse(name) else { return Ok("bad") };
        let last = path.rsplit('/').next().unwrap_or_default();
        if last != name && of.template().is_none() {
            return Ok("alias");
        }
        if GENERATED.contains(&folder) {
            return Ok("generated");
        }
        if folder == TRANSIENT {
            return Ok("transient");
        }
        let mut texts = vec![text];
        for drop_in in drop_ins::with_install(&self.folders, &of) {
            texts.extend(content(self.facts, &drop_in)?);
        }
        let install = Install::parse(&of, &texts);
        let links = Links { folders: &self.folders, of, path };
        if let Some(state) = links.state(Some(&install)) {
            return Ok(state);
        }
        Ok(match links.state(None) {
            Some(_) => "indirect",
            None if install.has_rules => "disabled",
            None if install.has_also => "indirect",
            None => "static",
        })
    }

    fn end(&self, standing: &Standing) -> Result<End, Unknown> {
        if matches!(standing, Standing::Linked { target, .. } if target == "/dev/null") {
            return Ok(End::Mask);
        }
        let path = path_of(standing);
        Ok(match self.facts.read(path, FILE_BYTES_MAX)? {
            None => End::Nothing,
            Some(text) if text.is_empty() => End::Mask,
            Some(text) => End::File(text),
        })
    }
}

/// What a file of a unit holds; `None` when it is gone. What is masked is a link to `/dev/null`, and holds nothing.
pub(super) fn content(facts: Facts<'_>, path: &str) -> Result<Option<Vec<u8>>, Unknown> {
    match facts.target(path)? {
        Contents::Regular(_, target) if target == "/dev/null" => Ok(Some(Vec::new())),
        _ => facts.read(path, FILE_BYTES_MAX),
    }
}

fn path_of(standing: &Standing) -> &str {
    let (Standing::File { path } | Standing::Linked { path, .. } | Standing::Alias { path, .. }) =
        standing;
    path
}

/// Is it gone after the next boot?
fn is_runtime(path: &str) -> bool {
    path.starts_with("/run/")
}

/// The links that enable one unit.
struct Links<'a> {
    folders: &'a Folders,
    of: UnitName<'a>,
    /// Where its file lies.
    path: &'a str,
}

/// What one folder holds for it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hold {
    Nothing,
    /// Only a link of its own name, right in the folder.
    SameName,
    Link,
}

impl Links<'_> {
    /// The state that links give it: those that enabling would make, or any at all.
    fn state(&self, known: Option<&Install>) -> Option<&'static str> {
        let (mut runtime, mut anywhere) = (false, false);
        let (mut linked, mut linked_runtime) = (false, false);
        // Below the folder that holds its file, a link of the same name counts for nothing.
        let mut below = false;
        for folder in &self.folders.search {
            match self.held(folder, known, below) {
                Hold::Link if folder.path == CONFIG => return Some("enabled"),
                Hold::Link if is_runtime(&folder.path) => runtime = true,
                Hold::Link => anywhere = true,
                Hold::SameName if folder.path == CONFIG => linked = true,
                Hold::SameName if is_runtime(&folder.path) => linked_runtime = true,
                Hold::SameName | Hold::Nothing => {}
            }
            below |= self.path.strip_prefix(&folder.path).is_some_and(|r| r.starts_with('/'));
        }
        let is_instance = self.of.template().is_some();
        match () {
            () if runtime => Some("enabled-runtime"),
            // An instance that the vendor links is started with the system, and nothing can disable it.
            () if anywhere && is_instance => Some("static"),
            () if linked => Some("linked"),
            () if linked_runtime => Some("linked-runtime"),
            () => None,
        }
    }

    fn held(&self, folder: &Folder, known: Option<&Install>, below: bool) -> Hold {
        let wants = folder
            .below
            .iter()
            .filter(|(name, _)| is_wants(name) && folder.entries.get(*name) == Some(&Entry::Other));
        for (_, entries) in wants {
            if self.among(entries, known, below, false) == Hold::Link {
                return Hold::Link;
            }
        }
        self.among(&folder.entries, known, below, true)
    }

    fn among(
        &self,
        entries: &std::collections::BTreeMap<String, Entry>,
        known: Option<&Install>,
        below: bool,
        top: bool,
    ) -> Hold {
        let name = self.of.whole;
        let mut hold = Hold::Nothing;
        for (link, entry) in entries {
            let Entry::Link(target) = entry else { continue };
            let same_name = link == name && !below;
            let leads_to_it = target.rsplit('/').next() == Some(name);
            if top && same_name && leads_to_it {
                hold = Hold::SameName;
            } else if (same_name || leads_to_it) && known.is_none_or(|i| self.knows(i, link)) {
                return Hold::Link;
            }
        }
        hold
    }

    /// Is this the name of a link that enabling makes?
    fn knows(&self, install: &Install, link: &str) -> bool {
        let default = || {
            let instance = install.default_instance.as_deref()?;
            self.of.is_template().then(|| self.of.with_instance(instance))
        };
        link == self.of.whole
            || install.aliases.iter().any(|alias| alias == link)
            || default().is_some_and(|name| name == link)
    }
}
