//! The codes of findings: stable names that `countersign explain CS0012` describes.

use std::fmt;

use serde::{Serialize, Serializer};

macro_rules! codes {
    ($($variant:ident = $number:literal, $title:literal, $page:literal;)*) => {
        /// What kind of finding it is. The number never changes its meaning, and is never used again for another.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code { $(#[doc = $title] $variant,)* }

        /// Every code, in the order of their numbers.
        pub static CODES: &[Code] = &[$(Code::$variant,)*];

        impl Code {
            /// Its number, as in `CS0012`.
            #[must_use]
            pub const fn number(self) -> u16 { match self { $(Self::$variant => $number,)* } }
            /// Its title, as a fragment.
            #[must_use]
            pub const fn title(self) -> &'static str { match self { $(Self::$variant => $title,)* } }
            /// Its page: why it is an error and what to do about it.
            #[must_use]
            pub const fn page(self) -> &'static str { match self { $(Self::$variant => $page,)* } }
        }
    };
}

codes! {
    Syntax = 1, "the file is not valid TOML",
        "The parser could not read the marked place. A key or table that is written twice is such an error too: the key of a \
         table is the identity of its resource, so it can stand only once.";
    UnknownTable = 2, "no such kind or section",
        "The name of a top-level table is either a kind of resource (`countersign explain` lists them) or one of `host`, \
         `values`, `database`, `waiver`, `proof`, `proofset`, `gate`, `gap`, `report` and `defaults`, each only in the files where it belongs.";
    UnknownKey = 3, "no such key",
        "The table has a key that its kind does not know. Nothing is ignored silently: a misspelt key would otherwise leave \
         something unchecked that somebody believes is checked.";
    WrongType = 4, "the value has the wrong type or form",
        "The value cannot be read as what this key holds. `countersign explain KIND` shows each key with its form.";
    MissingKey = 5, "a required key is missing",
        "The table cannot be understood without this key.";
    Duplicate = 6, "the resource stands in two places",
        "A resource belongs in one place: a host's own file or one role. There are no overrides, because then nobody could \
         tell from one file what is wanted. Both places are named; remove one.";
    Reference = 7, "the reference leads nowhere",
        "The name that is referred to is declared nowhere in this host's desired state: a resource in `depends_on`, a \
         database, a role, or a value in `${values.NAME}`.";
    Contradiction = 8, "two statements cannot both hold",
        "The keys of this table exclude each other, or the table says something that can never be true.";
    Empty = 9, "there is nothing to check",
        "An empty desired state, or an empty list of files, would be in sync with anything. That is never what was meant, so \
         it is an error and never a success.";
    HashList = 10, "the list of hashes has a bad line",
        "A list is what `sha256sum` writes: 64 hex digits, a blank, then a blank or `*`, then the name. A line that cannot be \
         read is an error with its number: a tool that skips it would pass a file it never looked at.";
    MissingFile = 11, "the file that is referred to is not in desired state",
        "`manifest`, `source` and `sql` name files beside the file in which they stand: below `hosts/NAME/` or `roles/NAME/`. \
         Links, and paths that leave that folder, are refused.";
    BadName = 12, "the name of the resource is not usable",
        "The key of the table has a form that its kind cannot use; for files and directories it is an absolute path without \
         `.` and `..`.";
    Misplaced = 13, "the table does not belong in this file",
        "`[host]` and `[database.NAME]` stand in `hosts/NAME/host.toml`, `[defaults]` in `fleet.toml`, `[values]` in either, \
         resources and waivers in any other file below `hosts/` and `roles/`.";
    Encoding = 14, "the file is not UTF-8",
        "TOML is UTF-8. The mark stands at the first byte that is not.";
    Limit = 15, "the input is larger than the stated limit",
        "Every size is bounded so that no commit can exhaust the host that reads it. The limit stands in the message.";
    Forbidden = 16, "desired state may not contain this",
        "Symbolic links and submodules below the root of desired state are refused: what is checked must be what was \
         committed, and nothing else.";
    GuardWaived = 17, "a guard cannot be waived",
        "A resource with `kill_switch = true` must hold before and after every change. Waiving it would switch the guard off \
         while it looks as if it were on.";
    Expired = 18, "the waiver has expired",
        "A waiver covers a known drift until its date. After it the drift counts again. Mend the drift, or state a new \
         reason and a new date.";
    Redundant = 19, "the statement has no effect",
        "It is not wrong, and it does nothing: for instance the same file listed twice with the same hash.";
    Unpinned = 20, "no identity is declared",
        "Without `identity.hostname` nothing stops this desired state from being checked against another machine.";
    Cycle = 21, "the dependencies form a circle",
        "A resource depends on itself through others, so there is no order in which they could be brought about.";
    InsecureFile = 22, "others could change it, or read a secret in it",
        "The configuration decides what this program may read and whom it trusts. It, and the files with passwords, must not \
         be writable by others; a password file must not be readable by others. No password stands in the configuration \
         itself, which others may read: name a file of its own as `password_file`.";
    Unsupported = 23, "this version cannot do that",
        "The setting is known and not yet honoured by this version. Taking it in silence would promise a protection that is \
         not there, so it is refused.";
    ObjectList = 24, "the manifest of a schema cannot be read",
        "It begins with the line `countersign.schema 1`; then comes one block an object, whose title stands at the margin and \
         whose other lines are indented. `countersign adopt --schema NAME` writes it; edit it as text, or write it anew.";
    TrustGap = 25, "the trust file says less than it seems to",
        "Nothing is wrong with its form, and something in it cannot do what it was written for: a quorum that too few people \
         could ever meet, one key under two names (which count as one person), an approver whom no policy asks, a freeze that \
         is over.";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CS{:04}", self.number())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_unique_and_ascending() {
        assert!(CODES.windows(2).all(|pair| pair[0].number() < pair[1].number()));
        assert_eq!(Code::BadName.to_string(), "CS0012");
    }
}
