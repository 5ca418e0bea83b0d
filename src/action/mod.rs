//! The closed list of changes, as data: what is done, to what, from which state to which.
//!
//! Everything here is hashed and signed as a part of a plan, so the order of fields is part of the format, numbers are
//! decimal text, and nothing is optional that has a meaning when it is missing. A new action is a review of its own: the
//! compiler asks for its arm in `execute`. Nothing here does anything.

mod content;
mod path;
mod sql;
mod surroundings;
mod unit;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::display::escape;
use crate::model::{Decimal, Mode, Unknown};

pub use content::{Content, FILE_BYTES_MAX, INLINE_BYTES_MAX};
pub use path::{Inode, PathState};
pub use sql::{Sql, Statement};
pub use surroundings::{Depth, Needs, Surroundings};
pub use unit::{UnitChange, UnitState};

/// The version of this list, which every plan names.
pub const VERSION: &str = "1";

/// One change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    /// Makes a directory where nothing stands.
    CreateDirectory {
        /// Where.
        path: String,
        /// The number of its owner.
        uid: Decimal,
        /// The number of its group.
        gid: Decimal,
        /// Its mode, whatever the umask.
        mode: Mode,
    },
    /// Writes a regular file as a whole: a new one, or in the place of the one that the precondition describes.
    WriteFile {
        /// Where.
        path: String,
        /// The number of its owner.
        uid: Decimal,
        /// The number of its group.
        gid: Decimal,
        /// Its mode, whatever the umask.
        mode: Mode,
        /// Its bytes.
        content: Content,
    },
    /// Makes a symbolic link where nothing stands.
    CreateSymlink {
        /// Where.
        path: String,
        /// What it says.
        target: String,
        /// The number of its owner.
        uid: Decimal,
        /// The number of its group.
        gid: Decimal,
    },
    /// Gives a file or a directory another mode.
    SetMode {
        /// Which.
        path: String,
        /// Its new mode.
        mode: Mode,
    },
    /// Gives a file, a directory or a link another owner and group.
    SetOwner {
        /// Which.
        path: String,
        /// The number of its owner.
        uid: Decimal,
        /// The number of its group.
        gid: Decimal,
    },
    /// Takes away what an earlier plan created, and only that: a file, a link, or an empty directory.
    Remove {
        /// Which.
        path: String,
    },
    /// Has the system's manager change one unit.
    Unit {
        /// Its name.
        unit: String,
        /// What about it.
        change: UnitChange,
    },
    /// Adds a public key to a keyring of GnuPG.
    ImportKey {
        /// The folder of the keyring.
        home: String,
        /// The fingerprint of the primary key, in upper-case hex digits.
        fingerprint: String,
        /// The key, as it was exported.
        key: Content,
    },
    /// Takes a public key out of a keyring of GnuPG that an earlier plan put there.
    RemoveKey {
        /// The folder of the keyring.
        home: String,
        /// The fingerprint of the primary key, in upper-case hex digits.
        fingerprint: String,
    },
    /// Runs statements in one transaction of one database.
    Sql(Sql),
}

/// What has to hold before a step, or holds after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Condition {
    /// This stands at a path.
    Path {
        /// Where.
        path: String,
        /// What.
        is: PathState,
    },
    /// A unit is in this state.
    Unit {
        /// Its name.
        unit: String,
        /// The state.
        is: UnitState,
    },
    /// A keyring holds a key, or does not.
    Key {
        /// The folder of the keyring.
        home: String,
        /// The fingerprint of the primary key.
        fingerprint: String,
        /// Is it there?
        present: bool,
        /// Of all that the keyring holds of it, signatures of others included; where that matters.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sha256: Option<crate::model::Digest>,
    },
    /// A database answers exactly this about resources.
    Answers {
        /// Which database.
        database: String,
        /// The resources with the digests of their stored answers, in order.
        answers: Vec<(String, crate::model::Digest)>,
    },
    /// A database holds what desired state says of these resources.
    InSync {
        /// Which database.
        database: String,
        /// The resources, in order.
        resources: Vec<String>,
    },
}

/// How a step is taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Undo {
    /// By this, in a plan of its own.
    By(Box<Action>),
    /// Not at all, and why.
    Irreversible(String),
}

/// How much can go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Risk {
    /// Something comes that was not there, and can be taken away again.
    Low,
    /// Something that is in use changes, and can be changed back.
    Medium,
    /// It cannot be taken back, or opens something to others.
    High,
}

/// A change with the states around it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// What is done.
    pub action: Action,
    /// What has to hold before.
    pub before: Condition,
    /// What holds afterwards.
    pub after: Condition,
    /// How it is taken back.
    pub undo: Undo,
    /// How much can go wrong.
    pub risk: Risk,
}

/// What a kind proposes for a resource that is not as it is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remedy {
    /// These changes, in this order.
    Changes(Vec<Change>),
    /// These statements, which run with all others of their database in one transaction.
    Statements(Vec<Statement>),
    /// Nothing, and why.
    Nothing(String),
}

/// What a kind proposes, or why it cannot be told what would have to change.
pub type Mended = Result<Remedy, Unknown>;

impl Action {
    /// Its name in the format, in policies and in logs.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::CreateDirectory { .. } => "create_directory",
            Self::WriteFile { .. } => "write_file",
            Self::CreateSymlink { .. } => "create_symlink",
            Self::SetMode { .. } => "set_mode",
            Self::SetOwner { .. } => "set_owner",
            Self::Remove { .. } => "remove",
            Self::Unit { change, .. } => change.action(),
            Self::ImportKey { .. } => "import_key",
            Self::RemoveKey { .. } => "remove_key",
            Self::Sql(_) => "sql",
        }
    }

    /// Every name that [`Action::name`] can give.
    pub const NAMES: &'static [&'static str] = &[
        "create_directory",
        "write_file",
        "create_symlink",
        "set_mode",
        "set_owner",
        "remove",
        "enable_unit",
        "disable_unit",
        "start_unit",
        "stop_unit",
        "import_key",
        "remove_key",
        "sql",
    ];

    /// The path that it changes, if it changes one.
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        match self {
            Self::CreateDirectory { path, .. }
            | Self::WriteFile { path, .. }
            | Self::CreateSymlink { path, .. }
            | Self::SetMode { path, .. }
            | Self::SetOwner { path, .. }
            | Self::Remove { path } => Some(path),
            Self::ImportKey { home, .. } | Self::RemoveKey { home, .. } => Some(home),
            Self::Unit { .. } | Self::Sql(_) => None,
        }
    }

    /// The unit that it changes, if it changes one.
    #[must_use]
    pub fn unit(&self) -> Option<&str> {
        match self {
            Self::Unit { unit, .. } => Some(unit),
            _ => None,
        }
    }

    /// The database that it changes, if it changes one.
    #[must_use]
    pub fn database(&self) -> Option<&str> {
        match self {
            Self::Sql(sql) => Some(&sql.database),
            _ => None,
        }
    }
}

/// One line for people, escaped.
impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CreateDirectory { path, uid, gid, mode } => {
                write!(f, "create directory {} ({uid}:{gid} {mode})", escape(path))
            }
            Self::WriteFile { path, uid, gid, mode, content } => {
                let size = content.size();
                write!(f, "write file {} ({uid}:{gid} {mode}, {size} bytes)", escape(path))
            }
            Self::CreateSymlink { path, target, .. } => {
                write!(f, "create link {} -> {}", escape(path), escape(target))
            }
            Self::SetMode { path, mode } => write!(f, "set mode of {} to {mode}", escape(path)),
            Self::SetOwner { path, uid, gid } => {
                write!(f, "set owner of {} to {uid}:{gid}", escape(path))
            }
            Self::Remove { path } => write!(f, "remove {}", escape(path)),
            Self::Unit { unit, change } => write!(f, "{} {}", change.verb(), escape(unit)),
            Self::ImportKey { home, fingerprint, .. } => {
                write!(f, "import key {} into {}", escape(fingerprint), escape(home))
            }
            Self::RemoveKey { home, fingerprint } => {
                write!(f, "remove key {} from {}", escape(fingerprint), escape(home))
            }
            Self::Sql(sql) => match sql.statements.as_slice() {
                [one] => write!(f, "in {}: {}", escape(&sql.database), escape(&one.text)),
                all => write!(f, "in {}: {} statements", escape(&sql.database), all.len()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_has_one_text_and_nothing_else_is_read() {
        let action = Action::SetMode { path: "/a".into(), mode: Mode::from_bits(0o750) };
        let text = r#"{"set_mode":{"path":"/a","mode":"0750"}}"#;
        assert_eq!(serde_json::to_string(&action).expect("JSON"), text);
        assert_eq!(serde_json::from_str::<Action>(text).expect("its own text"), action);
        for other in [
            r#"{"set_mode":{"path":"/a","mode":"0750","more":"x"}}"#,
            r#"{"set_mode":{"path":"/a","path":"/b","mode":"0750"}}"#,
            r#"{"set_mode":{"path":"/a"}}"#,
            r#"{"set_mode":{"path":"/a","mode":"0750"},"remove":{"path":"/a"}}"#,
            r#"{"run_shell":{"path":"/a"}}"#,
        ] {
            assert!(serde_json::from_str::<Action>(other).is_err(), "{other}");
        }
        assert!(Action::NAMES.contains(&action.name()));
    }
}
