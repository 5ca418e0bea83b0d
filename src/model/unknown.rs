//! Why something could not be told. Unknown is a verdict, never a default for "fine".

use std::fmt;

use serde::{Deserialize, Serialize};

/// One question without an answer: a stable reason for programs, a detail for people.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, thiserror::Error,
)]
#[error("{reason}: {detail}")]
pub struct Unknown {
    /// The class, stable across releases.
    pub reason: Reason,
    /// What exactly, as a fragment; never holds a secret.
    pub detail: String,
}

impl Unknown {
    /// Puts a reason and its detail together.
    pub fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into() }
    }

    /// The same, saying of what it is: `/etc/app.toml: line 3 …`. The place is shown as it is given, so it comes escaped.
    #[must_use]
    pub fn of(self, place: impl fmt::Display) -> Self {
        Self::new(self.reason, format!("{place}: {}", self.detail))
    }
}

macro_rules! reasons {
    ($($variant:ident, $title:literal, $page:literal;)*) => {
        /// The classes of not knowing.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Reason { $(#[doc = $title] $variant,)* }

        /// Every reason.
        pub static REASONS: &[Reason] = &[$(Reason::$variant,)*];

        impl Reason {
            /// Its title, as a fragment.
            #[must_use]
            pub const fn title(self) -> &'static str { match self { $(Self::$variant => $title,)* } }
            /// Its page: what to do about it.
            #[must_use]
            pub const fn page(self) -> &'static str { match self { $(Self::$variant => $page,)* } }
        }
    };
}

reasons! {
    NotAllowed, "the host's configuration does not allow it",
        "Desired state asks for a path that `[observe]` of the host's own configuration does not open: it lies below none of \
         `roots`, or a pattern of `deny` matches it. Or it asks for a command that `[smoke] allow` does not list word by word. \
         Whoever answers for the host adds a root or the command there, or the resource is wrong. Without a configuration \
         file nothing of `/` may be read, and nothing is run.";
    SymlinkOnPath, "a symbolic link stands in the middle of the path",
        "Whoever may change that link decides what would be looked at. Name the path that it leads to, or say \
         `through_links = true` in the resource.";
    PermissionDenied, "the operating system or the database refused the read",
        "Run the check as a user who may read it, or grant it to the observer's role: USAGE on the schema and SELECT on the \
         table, `pg_read_all_settings` for settings. A password that is refused is told with this reason too.";
    Deadline, "no answer within the deadline",
        "A slow disk, a dead mount, a busy server, or a lock that somebody holds. Look again later, or give more time with \
         `--deadline`, or with `deadline` where the kind has that key.";
    Locked, "somebody holds a lock on it",
        "A migration that runs, or a session that was left open in the middle of one: `pg_stat_activity` and `pg_locks` name it. \
         The check waits a second for such a lock and no longer, so that it never stands in anybody's way. Look again later.";
    IoError, "the read failed for another reason of the operating system",
        "The detail holds what the operating system said. It may be a failing disk.";
    TooLarge, "more bytes, entries or rows than the stated limit",
        "The limit stands in the detail. Nothing is judged by a part of what is there.";
    ChangedWhileReading, "it changed while it was read, and again when read once more",
        "Something is writing there. Look again when it is done; a file that never rests cannot be pinned by its content.";
    Malformed, "the content cannot be parsed",
        "The detail names the place. Perhaps the resource names another `format` than the file has.";
    Undecidable, "the content can be parsed, but does not decide the value",
        "It is computed, assigned twice, stands under a condition, or more than one line matches. The program does not guess \
         and executes nothing. Name a key that is plain, or ask only for its presence.";
    NotSupported, "this version cannot observe such a thing",
        "The detail says what.";
    NotConfigured, "the host's configuration has no settings for it",
        "Add `[database.NAME] observer = { url = \"…\" }` to the host's configuration.";
    Unreachable, "the database or container engine could not be reached",
        "The server is down, starting, full, or not where the `observer` of the host's configuration looks for it. For an \
         engine the detail names the socket.";
    QueryFailed, "the database or container engine answered with an error",
        "The detail holds the SQLSTATE and the server's message, or the HTTP status.";
    RowSecurity, "row security hides rows from the observer",
        "A part of the rows is not the table. Give the observer's role BYPASSRLS, or ask with a query that means that part.";
    ObserverTooPowerful, "the observer has rights with which a look could change something",
        "A read-only transaction does not stop every function. Queries and views are evaluated only for a role that is no \
         superuser, has none of CREATEROLE, CREATEDB and REPLICATION, and is in no role that acts on the server.";
    IdentityUnverified, "it could not be verified that this is the host or database which desired state names",
        "Nothing is concluded about a machine that may be another one. The detail says what could not be read.";
    NotRecorded, "the recorded world does not hold this question",
        "The recording was made with other desired state: another key, manifest or query. Record again with `--record`.";
    NotConfined, "the command could not be confined",
        "A command of desired state runs only as an unprivileged user, without network and without a place to write. That \
         needs a Linux kernel with Landlock (5.13 or newer, with `landlock` among the active security modules) and seccomp, \
         and for root the user of `[smoke] user`. The detail names the step that failed; nothing was run.";
    Stale, "it was seen too long ago",
        "A verdict of the controller is good for `[watch] max_age` and no longer: nobody has looked since, or the looks hang. \
         `countersign status` says what holds it up.";
    NoAnswer, "the probe gave no answer for it",
        "An error of this program. A recording (`--record`) helps to find it.";
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_page_and_a_name_of_its_own() {
        let names: std::collections::BTreeSet<String> =
            REASONS.iter().map(ToString::to_string).collect();
        assert_eq!(names.len(), REASONS.len());
        assert!(names.contains("not_allowed"), "{names:?}");
        assert!(REASONS.iter().all(|reason| reason.page().ends_with('.')));
    }
}
