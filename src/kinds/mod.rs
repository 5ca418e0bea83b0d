//! The kinds of resources: one file each, and one line each in [`KINDS`].
//!
//! A kind says what its table may contain, asks the world about all its resources at once, and compares. It reaches the
//! world only through the [`World`] it is given, compares without I/O, and changes nothing. Everything else - decoding,
//! documentation, JSON Schema, recorded worlds, reports - works on the erased form and needs no edit for a new kind.

mod account;
mod adoption;
mod all_rows;
mod bounds;
mod closed;
mod commit;
mod constant;
mod container;
mod cron_entry;
mod deadline;
mod deployment;
mod directory;
mod disk;
mod entry;
mod file;
mod fingerprint;
mod freshness;
mod git_head;
mod gpg_key;
mod grant_sql;
mod group;
mod in_catalog;
mod in_database;
mod in_order;
mod listed;
mod listener;
mod metadata;
mod mount;
mod package;
mod path;
mod pg_constraint;
mod pg_event_trigger;
mod pg_extension;
mod pg_function;
mod pg_grant;
mod pg_index;
mod pg_membership;
mod pg_publication;
mod pg_role;
mod pg_schema;
mod pg_sequence;
mod pg_server;
mod pg_setting;
mod pg_table;
mod pg_trigger;
mod pg_type;
mod pg_view;
mod presence;
mod process;
mod proof_guard;
mod provision;
mod query;
mod row_count;
mod secretive;
mod smoke;
mod sql_text;
mod ssh_authorized_key;
mod symlink;
mod sysctl;
mod systemd_unit;
#[cfg(test)]
mod test_world;
mod tree;
mod user;
mod validity;
mod x509;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::future::Future;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::action::{Mended, Needs, Remedy, Surroundings};
use crate::model::display::escape;
use crate::model::{Code, Comparison, Pieces, Reason, Span, Unknown};
use crate::probe::World;

pub use adoption::{About, Adopted, Adoption, Draft, covers};
pub use entry::{Entry, Preparing, Spec, Stored};
use in_database::by_database;
pub use proof_guard::pill;

/// Every kind, in the order of their documentation.
pub static KINDS: &[Entry] = &[
    Entry::of::<directory::Directory>(),
    Entry::of::<file::File>(),
    Entry::of::<symlink::Symlink>(),
    Entry::of::<tree::Tree>(),
    Entry::of::<freshness::Freshness>(),
    Entry::of::<constant::Constant>(),
    Entry::of::<git_head::GitHead>(),
    Entry::of::<gpg_key::GpgKey>(),
    Entry::of::<ssh_authorized_key::SshAuthorizedKey>(),
    Entry::of::<x509::X509>(),
    Entry::of::<deployment::Deployment>(),
    Entry::of::<user::User>(),
    Entry::of::<group::Group>(),
    Entry::of::<package::Package>(),
    Entry::of::<cron_entry::CronEntry>(),
    Entry::of::<systemd_unit::SystemdUnit>(),
    Entry::of::<process::Process>(),
    Entry::of::<listener::Listener>(),
    Entry::of::<container::Container>(),
    Entry::of::<mount::Mount>(),
    Entry::of::<disk::Disk>(),
    Entry::of::<sysctl::Sysctl>(),
    Entry::of::<smoke::Smoke>(),
    Entry::of::<pg_server::PgServer>(),
    Entry::of::<pg_role::PgRole>(),
    Entry::of::<pg_membership::PgMembership>(),
    Entry::of::<pg_setting::PgSetting>(),
    Entry::of::<pg_extension::PgExtension>(),
    Entry::of::<pg_publication::PgPublication>(),
    Entry::of::<pg_grant::PgGrant>(),
    Entry::of::<proof_guard::ProofGuard>(),
    Entry::of::<pg_schema::PgSchema>(),
    Entry::of::<query::Query>(),
    Entry::of::<row_count::RowCount>(),
    Entry::of::<fingerprint::Fingerprint>(),
    Entry::of::<pg_view::PgView>(),
    Entry::of::<pg_sequence::PgSequence>(),
    Entry::of::<pg_type::PgType>(),
    Entry::of::<pg_table::PgTable>(),
    Entry::of::<pg_index::PgIndex>(),
    Entry::of::<pg_constraint::PgConstraint>(),
    Entry::of::<pg_function::PgFunction>(),
    Entry::of::<pg_trigger::PgTrigger>(),
    Entry::of::<pg_event_trigger::PgEventTrigger>(),
];

/// The kind of that name.
#[must_use]
pub fn kind(name: &str) -> Option<&'static Entry> {
    KINDS.iter().find(|entry| entry.name() == name)
}

/// One answer per resource, by its name. A resource without an answer was not observed, which makes it Unknown.
pub type Answers<T> = BTreeMap<String, Result<T, Unknown>>;

/// The same answer for each of them.
fn answer_all<'a, K: 'a, T>(
    wanted: impl IntoIterator<Item = &'a Named<K>>,
    unknown: &Unknown,
) -> Answers<T> {
    wanted.into_iter().map(|named| (named.name.clone(), Err(unknown.clone()))).collect()
}

/// Of a question that was put and came back without an answer.
fn no_answer() -> Unknown {
    Unknown::new(Reason::NoAnswer, "the probe gave no answer for it")
}

/// Of a stored answer without a part that the table asks for: one of an earlier version, or one that somebody cut.
fn not_recorded() -> Unknown {
    Unknown::new(Reason::NotRecorded, "the recorded answer does not say")
}

/// A specification under the name of its resource: the `/var/lib/cutter` of `[directory."/var/lib/cutter"]`.
#[derive(Debug)]
pub struct Named<K> {
    /// The key of its table.
    pub name: String,
    /// What its table says.
    pub spec: Arc<K>,
}

impl<K> Clone for Named<K> {
    fn clone(&self) -> Self {
        Self { name: self.name.clone(), spec: Arc::clone(&self.spec) }
    }
}

/// A kind of resource.
///
/// Implementors derive `Deserialize` with `deny_unknown_fields` and `JsonSchema`; both describe the table's own keys,
/// without those that every resource shares (`severity`, `route`, …).
pub trait Kind: DeserializeOwned + JsonSchema + Debug + Send + Sync + Sized + 'static {
    /// The name of its tables. No dots.
    const NAME: &'static str;
    /// What it compares, in one line.
    const ABOUT: &'static str;
    /// Its page of documentation, in Markdown, without the example.
    const DOC: &'static str;
    /// A complete TOML example; parsed and diffed by a test.
    const EXAMPLE: &'static str;
    /// Does a database answer for it? Then its table has the key `database`.
    const IN_DATABASE: bool = false;
    /// Can its answer hold text that a server writes from its present state, past the snapshot? Then it counts only while
    /// nothing was defined during the look. A kind that asks nothing but rows of tables says no.
    const PAST_SNAPSHOT: bool = Self::IN_DATABASE;
    /// How the verb `adopt` reaches it; `None` for a kind that nobody writes down from what is there.
    const ADOPT: Option<Adoption> = None;
    /// What is stored of an observation, so that it can be compared again later.
    type Observed: Serialize + DeserializeOwned + Send + 'static;

    /// Completes and checks a specification: reads the files it refers to, and reports what its type cannot say.
    fn prepare(&mut self, _name: &str, _files: &dyn Files, _problems: &mut Vec<Problem>) {}

    /// The database (`[database.NAME]`) that answers for it; `None` for a kind of the host.
    fn database(&self) -> Option<&str> {
        None
    }

    /// What of the specification decides which question is put to the world, besides the name.
    ///
    /// A recorded answer counts only for the same question; a change of what is merely expected leaves it usable.
    fn question(&self, _name: &str) -> Value {
        self.database().map_or(Value::Null, |database| json!({ "database": database }))
    }

    /// The one value that the host's `[guard]` section may pin for it.
    fn pinned(&self) -> Option<Value> {
        None
    }

    /// The paths that decide what is seen of it, and everything below them: what no step may touch where it is a guard.
    fn lives_in(&self, name: &str) -> Vec<String> {
        if name.starts_with('/') { vec![name.to_owned()] } else { Vec::new() }
    }

    /// Asks the world about all of them at once. Reads only.
    fn observe_all(
        world: &World,
        wanted: &[Named<Self>],
    ) -> impl Future<Output = Answers<Self::Observed>> + Send;

    /// Writes down what is there as desired state: `asked` is what the flag of [`Kind::ADOPT`] got. Reads only, and never
    /// writes down a secret.
    #[expect(
        clippy::must_use_candidate,
        reason = "a future that is dropped is warned about as such"
    )]
    fn adopt(_world: &World, asked: &str) -> impl Future<Output = Result<Adopted, Unknown>> + Send {
        async move {
            let asked = escape(asked);
            let detail =
                format!("`{asked}`: a {} is not written down from what is there", Self::NAME);
            Err(Unknown::new(Reason::NotSupported, detail))
        }
    }

    /// Compares what was seen with what is wanted. Pure.
    fn diff(&self, name: &str, observed: &Self::Observed) -> Comparison;

    /// What [`Kind::remedy`] has to know besides the observation.
    fn needs(&self, _name: &str) -> Needs {
        Needs::default()
    }

    /// The changes that make what was seen into what is wanted, or why there are none. Pure; asked of what differs.
    ///
    /// # Errors
    /// When it cannot be told what would have to change.
    fn remedy(&self, _name: &str, _seen: &Self::Observed, _around: &Surroundings) -> Mended {
        Ok(Remedy::Nothing(format!("this program changes nothing of the kind `{}`", Self::NAME)))
    }

    /// The role of its database that its statements would make: what waits for that role can be part of one transaction.
    fn brings(&self, _name: &str, _seen: &Self::Observed) -> Option<String> {
        None
    }

    /// The bytes that a remedy would write, where they are of desired state: a plan holds only the digest of many.
    fn content(&self) -> Option<&Arc<[u8]>> {
        None
    }
}

/// Files of desired state that a specification may refer to, by a path relative to its own folder.
pub trait Files {
    /// The bytes of a file.
    ///
    /// # Errors
    /// A fragment that says why there are none: no such file (with the nearest name), or a path that leaves the folder.
    fn read(&self, path: &str) -> Result<Arc<[u8]>, String>;

    /// The same file piece by piece, for what need not lie in memory as a whole.
    ///
    /// # Errors
    /// The same.
    fn pieces(&self, path: &str) -> Result<Box<dyn Pieces>, String> {
        Ok(Box::new(self.read(path)?))
    }

    /// The texts of `[values]`, for a file that says `values = true`.
    fn values(&self) -> &BTreeMap<String, String> {
        static NONE: BTreeMap<String, String> = BTreeMap::new();
        &NONE
    }
}

/// Something wrong with a specification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub place: Place,
    /// What kind.
    pub code: Code,
    /// What, as a fragment.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// A warning does not refuse the input.
    pub warning: bool,
}

/// Where a problem lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The resource as a whole.
    Resource,
    /// One key of its table.
    Key(String),
    /// One item of the list under a key, counted from 0.
    Item(String, usize),
    /// Bytes of a file that it refers to, by the same relative path.
    File(String, Span),
}

impl Problem {
    /// An error at a place.
    pub fn at(place: Place, code: Code, message: impl Into<String>) -> Self {
        Self { place, code, message: message.into(), hint: None, warning: false }
    }

    /// An error about the resource as a whole.
    pub fn resource(code: Code, message: impl Into<String>) -> Self {
        Self::at(Place::Resource, code, message)
    }

    /// An error about one key.
    pub fn key(key: &str, code: Code, message: impl Into<String>) -> Self {
        Self::at(Place::Key(key.to_owned()), code, message)
    }

    /// The same with what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// No file at all, for a table that names none.
struct NoFiles;

impl Files for NoFiles {
    fn read(&self, path: &str) -> Result<Arc<[u8]>, String> {
        Err(format!("no file `{path}`"))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::KINDS;

    #[test]
    fn every_kind_is_listed_once() {
        let names: BTreeSet<&str> = KINDS.iter().map(super::Entry::name).collect();
        assert_eq!(names.len(), KINDS.len());
    }
}
