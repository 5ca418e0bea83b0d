//! `trust.toml`: who may approve, whose commits are taken, and who has to sign for which change.
//!
//! It stands beside `config.toml`, belongs to root, and never comes from a repository. Whatever names a person here is only a
//! name; what counts are keys.

mod attest;
mod calendar;
mod file;
mod lint;
mod people;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Component, Path};

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use super::ConfigError;
use crate::model::document::{self, Table};
use crate::model::{Code, Diagnostic, Digest, Period, Span, SshKey};

pub use attest::Attest;
pub use calendar::{Freeze, Window};
pub use file::{
    ApproverSection, CommitterSection, PolicySection, Remote, RequireSection, Separation,
};
pub use people::People;

use file::Top;

/// The name of the file, beside the configuration.
pub const FILE_NAME: &str = "trust.toml";
const SECTIONS: &[&str] = &["approver", "attest", "committer", "policy"];
/// The only version of the form.
const VERSION: u32 = 1;
/// The most people, keys of one, or policies.
const ENTRIES_MAX: usize = 256;
/// The longest time a statement may live, whatever a policy says.
const LIFETIME_MAX: Period = Period::from_seconds(30 * 86_400);
/// The longest name of a person or a policy.
const NAME_CHARS_MAX: usize = 100;

/// Whom the host trusts with what.
#[derive(Debug)]
pub struct Trust {
    /// SHA-256 of the bytes of the file.
    pub digest: Digest,
    /// Who may sign statements, by name.
    pub approvers: BTreeMap<String, Approver>,
    /// Whose signed commits are taken, by name.
    pub committers: BTreeMap<String, Committer>,
    /// Who has to sign for what, by name.
    pub policies: BTreeMap<String, Policy>,
    /// In which roles something may be attested; nothing may without it.
    pub attest: Option<Attest>,
    revoked: BTreeSet<SshKey>,
    /// Its path.
    pub file: String,
    places: BTreeMap<(&'static str, String), Span>,
}

/// A person who may sign statements.
#[derive(Debug, Clone)]
pub struct Approver {
    /// The keys.
    pub keys: Vec<SshKey>,
    /// The roles.
    pub roles: BTreeSet<String>,
    /// Only signatures of a security key that was touched count.
    pub require_touch: bool,
    /// Only signatures of a security key that asked for its PIN count.
    pub require_pin: bool,
    /// No signature counts any more.
    pub revoked: bool,
}

/// A person whose signed commits are taken.
#[derive(Debug, Clone)]
pub struct Committer {
    /// The keys.
    pub keys: Vec<SshKey>,
    /// No signature counts any more.
    pub revoked: bool,
}

/// Who has to sign for which changes, and when they may happen.
#[derive(Debug)]
pub struct Policy {
    /// The actions that it covers.
    pub actions: BTreeSet<String>,
    /// Steps that touch a path at or below one of these are covered.
    pub roots: Vec<std::path::PathBuf>,
    /// Steps inside one of these databases are covered.
    pub databases: BTreeSet<String>,
    /// Steps about one of these units are covered, as written.
    pub units: Vec<String>,
    units_match: GlobSet,
    /// The most steps of a plan.
    pub max_steps: usize,
    /// How many people in all; never 0.
    pub total: usize,
    /// How many of them in which role; never 0, and no role twice.
    pub require: BTreeMap<String, usize>,
    /// Whether authors count.
    pub separation: Separation,
    /// The longest time a statement may live.
    pub lifetime: Period,
    /// When plans may be applied; at any time where there is none.
    pub windows: Vec<Window>,
    /// When they may not.
    pub freeze: Vec<Freeze>,
    /// Whether the statements of the repository have to be seen.
    pub remote: Remote,
}

impl Policy {
    /// Does it cover changes at this path? Only of one that is absolute and means nothing but itself.
    #[must_use]
    pub fn covers_path(&self, path: &Path) -> bool {
        is_plain(path) && self.roots.iter().any(|root| path.starts_with(root))
    }

    /// Does it cover changes of this unit?
    #[must_use]
    pub fn covers_unit(&self, unit: &str) -> bool {
        self.units_match.is_match(unit)
    }
}

impl Trust {
    /// Reads the text of a trust file. `path` names it in what is found.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its place.
    pub fn parse(path: &Path, text: String) -> Result<Self, ConfigError> {
        let file = path.display().to_string();
        let (root, mut found) = document::parse(&file, &text);
        let mut trust = Self {
            digest: Digest::of(text.as_bytes()),
            approvers: BTreeMap::new(),
            committers: BTreeMap::new(),
            policies: BTreeMap::new(),
            attest: None,
            revoked: BTreeSet::new(),
            file,
            places: BTreeMap::new(),
        };
        trust.fill(root, &mut found);
        if found.is_empty() {
            return Ok(trust);
        }
        found.sort();
        Err(ConfigError::Invalid { path: path.to_owned(), text, diagnostics: found })
    }

    /// May nobody use this key any more?
    #[must_use]
    pub fn is_revoked(&self, key: &SshKey) -> bool {
        self.revoked.contains(key)
    }

    /// The committer whom a key belongs to, unless the key or the person was revoked.
    #[must_use]
    pub fn committer_of(&self, key: &SshKey) -> Option<&str> {
        let owns = |(_, one): &(&String, &Committer)| !one.revoked && one.keys.contains(key);
        let owner = self.committers.iter().find(owns)?;
        (!self.is_revoked(key)).then_some(owner.0.as_str())
    }

    /// Who is who: names that share a key are one person.
    #[must_use]
    pub fn people(&self) -> People {
        People::of(self)
    }

    /// The approvers in the form that `ssh-keygen -Y verify -f` reads, so that anybody can verify statements with it. It knows
    /// neither touch nor PIN, roles, nor quorum: it is a copy for checking and never an authority.
    #[must_use]
    pub fn allowed_signers(&self, namespaces: &[&str]) -> String {
        let mut lines = String::new();
        for (name, approver) in self.approvers.iter().filter(|(_, one)| !one.revoked) {
            for key in approver.keys.iter().filter(|key| !self.is_revoked(key)) {
                let namespaces = namespaces.join(",");
                let _ = writeln!(lines, "{name} namespaces=\"{namespaces}\" {key}");
            }
        }
        lines
    }

    fn fill(&mut self, root: Table<'_>, found: &mut Vec<Diagnostic>) {
        let (sections, top) = root.split(SECTIONS);
        let version = top.value_span("version");
        let (top, wrong) = top.decode::<Top>();
        found.extend(wrong);
        if let Some(top) = top {
            if top.version != VERSION {
                let message = format!("this program reads version {VERSION}, not {}", top.version);
                let place = version.unwrap_or_default();
                found.push(Diagnostic::error(Code::Unsupported, &*self.file, place, message));
            }
            self.revoked = top.revoked.into_iter().collect();
        }
        self.read_attest(&sections, found);
        for (name, table) in self.entries(&sections, "approver", found) {
            let (section, wrong) = table.decode::<ApproverSection>();
            found.extend(wrong);
            if let Some(section) = section {
                self.approver(name, section, &table, found);
            }
        }
        for (name, table) in self.entries(&sections, "committer", found) {
            let (section, wrong) = table.decode::<CommitterSection>();
            found.extend(wrong);
            if let Some(CommitterSection { keys, revoked }) = section {
                some(&keys, "keys", &table, found);
                self.committers.insert(name, Committer { keys, revoked });
            }
        }
        for (name, table) in self.entries(&sections, "policy", found) {
            let (section, wrong) = table.decode::<PolicySection>();
            found.extend(wrong);
            if let Some(section) = section {
                self.policy(name, section, &table, found);
            }
        }
    }

    /// The tables of a section, each with its name.
    fn entries<'t>(
        &mut self,
        sections: &Table<'t>,
        section: &'static str,
        found: &mut Vec<Diagnostic>,
    ) -> Vec<(String, Table<'t>)> {
        let table = match sections.table(section) {
            Ok(Some(table)) => table,
            Ok(None) => return Vec::new(),
            Err(wrong) => {
                found.push(wrong);
                return Vec::new();
            }
        };
        let mut entries = Vec::new();
        for (name, span) in table.keys() {
            if !is_name(&name) {
                let message =
                    "a name here holds letters, digits and any of `@ . + - _`, at most 100";
                found.push(Diagnostic::error(Code::BadName, &*self.file, span.clone(), message));
            }
            self.places.insert((section, name.clone()), span);
            match table.table(&name) {
                Ok(Some(entry)) => entries.push((name, entry)),
                Ok(None) => {}
                Err(wrong) => found.push(wrong),
            }
        }
        if entries.len() > ENTRIES_MAX {
            let message = format!("there are more than {ENTRIES_MAX} of `{section}`");
            found.push(Diagnostic::error(Code::Limit, &*self.file, table.header(), message));
        }
        entries
    }

    fn approver(
        &mut self,
        name: String,
        section: ApproverSection,
        table: &Table<'_>,
        found: &mut Vec<Diagnostic>,
    ) {
        let ApproverSection { keys, roles, require_touch, require_pin, revoked } = section;
        some(&keys, "keys", table, found);
        some(&roles, "roles", table, found);
        names(&roles, "roles", table, found);
        let soft = keys.iter().position(|key| !key.is_security_key());
        if let Some(at) = soft.filter(|_| require_touch || require_pin) {
            let message =
                "a key in software tells of no touch and no PIN, so nothing it signs would count";
            let place = table.item_span("keys", at).unwrap_or_else(|| table.header());
            let error = Diagnostic::error(Code::Contradiction, table.file(), place, message);
            found.push(error.hint("make one with `ssh-keygen -t ed25519-sk`"));
        }
        let roles = roles.into_iter().collect();
        self.approvers.insert(name, Approver { keys, roles, require_touch, require_pin, revoked });
    }

    fn policy(
        &mut self,
        name: String,
        section: PolicySection,
        table: &Table<'_>,
        found: &mut Vec<Diagnostic>,
    ) {
        some(&section.actions, "actions", table, found);
        names(&section.actions, "actions", table, found);
        some(&section.require, "require", table, found);
        let mut wrong = |key: &str, code, message: String| {
            let place = table.value_span(key).unwrap_or_else(|| table.header());
            found.push(Diagnostic::error(code, table.file(), place, message));
        };
        let (roots, databases, units) = (&section.roots, &section.databases, &section.units);
        if roots.is_empty() && databases.is_empty() && units.is_empty() {
            let message = "it covers nothing: there are no `roots`, `databases` or `units`";
            wrong("actions", Code::Empty, message.to_owned());
        }
        for root in roots.iter().filter(|root| !is_plain(root)) {
            let message = format!("`{}` is no absolute path without `.` and `..`", root.display());
            wrong("roots", Code::WrongType, message);
        }
        let units_match = match globs(units) {
            Ok(units) => units,
            Err(why) => {
                wrong("units", Code::WrongType, why);
                GlobSet::empty()
            }
        };
        if section.lifetime > LIFETIME_MAX || section.lifetime.seconds() == 0 {
            wrong(
                "lifetime",
                Code::Limit,
                "a statement lives at least 1 s and at most 30 d".into(),
            );
        }
        let mut require = BTreeMap::new();
        for RequireSection { role, min } in &section.require {
            if !is_name(role) {
                wrong("require", Code::BadName, "a role has no such name".to_owned());
            } else if require.insert(role.clone(), usize::from(min.get())).is_some() {
                wrong("require", Code::Duplicate, format!("the role `{role}` stands twice"));
            }
        }
        let policy = Policy {
            actions: section.actions.into_iter().collect(),
            roots: section.roots,
            databases: section.databases.into_iter().collect(),
            units: section.units,
            units_match,
            max_steps: usize::from(section.max_steps.get()),
            total: usize::from(section.total.get()),
            require,
            separation: section.separation,
            lifetime: section.lifetime,
            windows: section.windows,
            freeze: section.freeze,
            remote: section.remote,
        };
        self.policies.insert(name, policy);
    }
}

/// A list that must say something.
fn some<T>(list: &[T], key: &str, table: &Table<'_>, found: &mut Vec<Diagnostic>) {
    let place = table.value_span(key).unwrap_or_else(|| table.header());
    if list.is_empty() {
        let message = format!("`{key}` is empty");
        found.push(Diagnostic::error(Code::Empty, table.file(), place, message));
    } else if list.len() > ENTRIES_MAX {
        let message = format!("`{key}` has more than {ENTRIES_MAX} entries");
        found.push(Diagnostic::error(Code::Limit, table.file(), place, message));
    }
}

fn names(list: &[String], key: &str, table: &Table<'_>, found: &mut Vec<Diagnostic>) {
    for (at, _) in list.iter().enumerate().filter(|(_, name)| !is_name(name)) {
        let place = table.item_span(key, at).unwrap_or_else(|| table.header());
        let message = format!("`{key}` holds letters, digits and any of `@ . + - _`");
        found.push(Diagnostic::error(Code::BadName, table.file(), place, message));
    }
}

/// A name goes into statements and into lists of ssh-keygen, so it holds nothing that means something there.
fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= NAME_CHARS_MAX
        && name.bytes().all(|c| c.is_ascii_alphanumeric() || b"@.+-_".contains(&c))
}

fn is_plain(path: &Path) -> bool {
    let text = path.as_os_str().as_encoded_bytes();
    path.is_absolute()
        && path.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)))
        && !text.windows(2).any(|two| two == b"//")
        && !text.split(|byte| *byte == b'/').any(|part| part == b".")
}

fn globs(units: &[String]) -> Result<GlobSet, String> {
    let mut set = GlobSetBuilder::new();
    for unit in units {
        let plain = |c: char| c.is_ascii_alphanumeric() || "@.:_-\\*".contains(c);
        if unit.is_empty() || !unit.chars().all(plain) {
            return Err("a unit is its name, with `*` for any part of it".to_owned());
        }
        // A backslash is part of names that systemd escaped.
        let glob = GlobBuilder::new(&unit.replace('\\', "\\\\")).backslash_escape(true).build();
        set.add(glob.map_err(|error| error.to_string())?);
    }
    set.build().map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests;
