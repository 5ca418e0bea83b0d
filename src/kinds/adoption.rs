//! Writing down what is observed as desired state: what a kind hands to the verb `adopt`.

use serde_json::Value;

use super::closed;
use crate::model::Unknown;

/// How `adopt` reaches a kind.
#[derive(Debug, Clone, Copy)]
pub struct Adoption {
    /// Its flag on the command line, without the dashes.
    pub flag: &'static str,
    /// What the flag takes, as in `DIR`.
    pub value: &'static str,
    /// What is written down, in one line.
    pub help: &'static str,
    /// What `--only KIND` alone asks for; `None` where somebody has to name something.
    pub all: Option<&'static str>,
}

/// Is the resource of a name among what was asked for: that itself, what lies below it, or what a pattern matches?
#[must_use]
pub fn covers(asked: &str, name: &str) -> bool {
    let below =
        name.strip_prefix(asked.trim_end_matches('/')).is_some_and(|rest| rest.starts_with('/'));
    below || name == asked || (closed::is_pattern(asked) && closed::matches(asked, name))
}

/// What a kind wrote down.
#[derive(Debug, Default)]
pub struct Adopted {
    /// One for each resource, in the order in which they shall stand.
    pub drafts: Vec<Draft>,
    /// What was asked for and could not be seen, and why.
    pub unseen: Vec<(String, Unknown)>,
}

/// A resource as it would be written by hand.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// Its kind, where that is another one than the one that was asked.
    pub kind: Option<&'static str>,
    /// The key of its table.
    pub name: String,
    /// Its keys, in the order in which they shall stand.
    pub keys: Vec<(&'static str, Value)>,
    /// Files that it refers to, by the path that it names.
    pub files: Vec<(String, Vec<u8>)>,
    /// What a reader should know; each line becomes a comment above the table.
    pub comment: Option<String>,
    /// Where the name is one of choice: what says which thing it is about.
    pub about: Option<About>,
}

/// Which thing a table of a name of choice is about.
#[derive(Debug, Clone, PartialEq)]
pub struct About {
    /// The keys that say it: a table with the same values in them is about the same thing, whatever its name.
    pub keys: &'static [&'static str],
    /// A name for where another thing has the usual one.
    pub longer: String,
}

impl Draft {
    /// A table without keys.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            kind: None,
            name: name.into(),
            keys: Vec::new(),
            files: Vec::new(),
            comment: None,
            about: None,
        }
    }

    /// The same of another kind: a link that a tree came across.
    #[must_use]
    pub fn of(mut self, kind: &'static str) -> Self {
        self.kind = Some(kind);
        self
    }

    /// Adds a key. Null adds nothing.
    #[must_use]
    pub fn set(mut self, key: &'static str, value: impl Into<Value>) -> Self {
        let value = value.into();
        if !value.is_null() {
            self.keys.push((key, value));
        }
        self
    }

    /// Adds a file that a key refers to, such as a manifest.
    #[must_use]
    pub fn file(mut self, path: impl Into<String>, content: Vec<u8>) -> Self {
        self.files.push((path.into(), content));
        self
    }

    /// Its name is one of choice: these keys say which thing it is about, and `longer` is a name that only this has.
    #[must_use]
    pub fn about(mut self, keys: &'static [&'static str], longer: impl Into<String>) -> Self {
        self.about = Some(About { keys, longer: longer.into() });
        self
    }

    /// Is it about this database?
    #[must_use]
    pub fn is_in(&self, database: &str) -> bool {
        self.keys.iter().any(|(key, value)| *key == "database" && value == database)
    }

    /// Says something above the table.
    #[must_use]
    pub fn comment(mut self, comment: impl Into<String>) -> Self {
        self.comment = Some(comment.into());
        self
    }
}
