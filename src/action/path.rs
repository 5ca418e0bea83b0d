//! What stands at a path, as a condition of a step.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::display::escape;
use crate::model::{Decimal, Digest, Mode};

/// Which inode of which file system: another file of the same content is another file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inode {
    /// The device.
    pub device: Decimal,
    /// The number on it.
    pub number: Decimal,
}

/// What stands at a path. What is `None` was not asked, or is not known before it is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum PathState {
    /// Nothing.
    Absent,
    /// A directory.
    Directory {
        /// The number of its owner.
        uid: Decimal,
        /// The number of its group.
        gid: Decimal,
        /// Its mode.
        mode: Mode,
        /// Has it no entries?
        #[serde(default, skip_serializing_if = "Option::is_none")]
        empty: Option<bool>,
        /// Which one it is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        inode: Option<Inode>,
    },
    /// A regular file.
    File {
        /// The number of its owner.
        uid: Decimal,
        /// The number of its group.
        gid: Decimal,
        /// Its mode.
        mode: Mode,
        /// How many names it has.
        links: Decimal,
        /// Of its content.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sha256: Option<Digest>,
        /// Which one it is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        inode: Option<Inode>,
    },
    /// A symbolic link.
    Symlink {
        /// The number of its owner.
        uid: Decimal,
        /// The number of its group.
        gid: Decimal,
        /// What it says.
        target: String,
        /// Which one it is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        inode: Option<Inode>,
    },
    /// Something that no action touches: a device, a FIFO, a socket.
    Other {
        /// What it is.
        file_type: String,
    },
}

impl PathState {
    /// Is `seen` what this says? What this leaves open may be anything; what was not seen is not what it says.
    #[must_use]
    pub fn holds(&self, seen: &Self) -> bool {
        let mut said = self.clone();
        match (&mut said, seen) {
            (Self::Directory { empty, inode, .. }, Self::Directory { empty: e, inode: i, .. }) => {
                *empty = empty.or(*e);
                *inode = inode.or(*i);
            }
            (Self::File { sha256, inode, .. }, Self::File { sha256: s, inode: i, .. }) => {
                *sha256 = sha256.or(*s);
                *inode = inode.or(*i);
            }
            (Self::Symlink { inode, .. }, Self::Symlink { inode: i, .. }) => {
                *inode = inode.or(*i);
            }
            // What is none of these is never a state to start from.
            (Self::Other { .. }, _) => return false,
            _ => {}
        }
        said == *seen
    }

    /// Is `seen` still the very thing that this says was made? What a directory holds is another question.
    #[must_use]
    pub fn is_still(&self, seen: &Self) -> bool {
        let open = |state: &Self| match state.clone() {
            Self::Directory { uid, gid, mode, inode, .. } => {
                Self::Directory { uid, gid, mode, empty: None, inode }
            }
            other => other,
        };
        open(self).holds(&open(seen))
    }

    /// The same without entries, as a directory has to be when it is removed.
    #[must_use]
    pub fn emptied(&self) -> Self {
        let mut state = self.clone();
        if let Self::Directory { empty, .. } = &mut state {
            *empty = Some(true);
        }
        state
    }

    /// Its inode, where it is known.
    #[must_use]
    pub const fn inode(&self) -> Option<Inode> {
        match self {
            Self::Directory { inode, .. }
            | Self::File { inode, .. }
            | Self::Symlink { inode, .. } => *inode,
            Self::Absent | Self::Other { .. } => None,
        }
    }

    /// Owner and group, where something stands there.
    #[must_use]
    pub const fn owner(&self) -> Option<(Decimal, Decimal)> {
        match self {
            Self::Directory { uid, gid, .. }
            | Self::File { uid, gid, .. }
            | Self::Symlink { uid, gid, .. } => Some((*uid, *gid)),
            Self::Absent | Self::Other { .. } => None,
        }
    }

    /// The mode of a file or directory.
    #[must_use]
    pub const fn mode(&self) -> Option<Mode> {
        match self {
            Self::Directory { mode, .. } | Self::File { mode, .. } => Some(*mode),
            _ => None,
        }
    }

    /// The same with another owner; the kernel takes the bits away that would lend the new owner's rights.
    #[must_use]
    pub fn owned_by(&self, (user, group): (Decimal, Decimal)) -> Self {
        let mut state = self.clone();
        match &mut state {
            Self::File { uid, gid, mode, .. } => {
                (*uid, *gid) = (user, group);
                let mut bits = mode.bits() & !0o4000;
                if bits & 0o010 != 0 {
                    bits &= !0o2000;
                }
                *mode = Mode::from_bits(bits);
            }
            Self::Directory { uid, gid, .. } | Self::Symlink { uid, gid, .. } => {
                (*uid, *gid) = (user, group);
            }
            Self::Absent | Self::Other { .. } => {}
        }
        state
    }

    /// The same with another mode.
    #[must_use]
    pub fn with_mode(&self, new: Mode) -> Self {
        let mut state = self.clone();
        if let Self::File { mode, .. } | Self::Directory { mode, .. } = &mut state {
            *mode = new;
        }
        state
    }
}

/// A few words for people, escaped.
impl fmt::Display for PathState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("absent"),
            Self::Directory { uid, gid, mode, empty, .. } => {
                let empty = if *empty == Some(true) { "empty " } else { "" };
                write!(f, "{empty}directory {uid}:{gid} {mode}")
            }
            Self::File { uid, gid, mode, sha256, .. } => {
                write!(f, "file {uid}:{gid} {mode}")?;
                sha256.iter().try_for_each(|digest| write!(f, " sha256:{digest}"))
            }
            Self::Symlink { uid, gid, target, .. } => {
                write!(f, "link {uid}:{gid} -> {}", escape(target))
            }
            Self::Other { file_type } => f.write_str(&escape(file_type)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(mode: u32, sha256: Option<Digest>, number: Option<u64>) -> PathState {
        PathState::File {
            uid: Decimal(0),
            gid: Decimal(0),
            mode: Mode::from_bits(mode),
            links: Decimal(1),
            sha256,
            inode: number.map(|n| Inode { device: Decimal(1), number: Decimal(n) }),
        }
    }

    #[test]
    fn what_is_said_has_to_be_seen() {
        let digest = Some(Digest::of(b"a"));
        let seen = file(0o640, digest, Some(7));
        for said in [file(0o640, None, None), file(0o640, digest, None), file(0o640, None, Some(7))]
        {
            assert!(said.holds(&seen), "{said:?}");
        }
        for said in [
            file(0o641, None, None),
            file(0o640, Some(Digest::of(b"b")), None),
            file(0o640, None, Some(8)),
            PathState::Absent,
        ] {
            assert!(!said.holds(&seen), "{said:?}");
        }
        assert!(!file(0o640, digest, None).holds(&file(0o640, None, None)), "it was not hashed");
        let device = PathState::Other { file_type: "fifo".into() };
        assert!(!device.holds(&device), "nothing starts from a device");
    }

    #[test]
    fn a_new_owner_takes_lent_rights_away() {
        let mode = |bits| file(bits, None, None).owned_by((Decimal(1), Decimal(1))).mode();
        assert_eq!(mode(0o6755), Some(Mode::from_bits(0o0755)));
        assert_eq!(mode(0o2644), Some(Mode::from_bits(0o2644)), "a mark for locks, no right");
    }
}
