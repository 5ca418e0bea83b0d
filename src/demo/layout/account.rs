//! To whom the sandbox belongs: the numbers come from what was written, the names from this machine.
//!
//! Only reads. A name that cannot be found, or that could not stand in a file of accounts, becomes `demo`.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::probe::accounts::{self, List, Listed};

const FALLBACK: &str = "demo";
const ROOT: &str = "root";
const PRODUCTION: &str = "incomex";
/// A number that nobody published; any will do.
const PRODUCTION_GID: u32 = 64_001;

/// An account and its group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The name of the account.
    pub user: String,
    /// The name of its group.
    pub group: String,
    uid: u32,
    gid: u32,
}

impl Account {
    /// The owner of a folder.
    pub(super) fn of(folder: &Path) -> io::Result<Self> {
        let stat = fs::metadata(folder)?;
        let (uid, gid) = (stat.uid(), stat.gid());
        let read = |path: &str| fs::read(path).unwrap_or_default();
        let user = name_of(uid, &accounts::users(&read("/etc/passwd"), "/etc/passwd"));
        let group = name_of(gid, &accounts::groups(&read("/etc/group"), "/etc/group"));
        Ok(Self { user, group, uid, gid })
    }

    /// `/etc/passwd` with root and this account.
    pub(super) fn passwd(&self) -> String {
        let root = "root:x:0:0:root:/root:/bin/sh\n";
        match self {
            Self { uid: 0, .. } => root.to_owned(),
            Self { user, uid, gid, .. } => format!("{root}{user}:x:{uid}:{gid}::/:/bin/sh\n"),
        }
    }

    /// `/etc/group` likewise, with the group of production in the place of the true one.
    pub(super) fn group_file(&self) -> String {
        let mut groups = "root:x:0:\n".to_owned();
        if self.gid != 0 {
            let _ = writeln!(groups, "{}:x:{}:", self.group, self.gid);
        }
        if self.group != PRODUCTION {
            let _ = writeln!(groups, "{PRODUCTION}:x:{PRODUCTION_GID}:");
        }
        groups
    }
}

/// The name of a number in a list of accounts or groups. Number 0 is root, and nobody else is.
fn name_of<T: Listed>(number: u32, list: &List<T>) -> String {
    if number == 0 {
        return ROOT.to_owned();
    }
    let named = list.numbered(number).ok().flatten().map(Listed::name);
    named.filter(|name| is_plain(name)).unwrap_or(FALLBACK).to_owned()
}

fn is_plain(name: &str) -> bool {
    let plain = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'-' | b'.');
    !name.is_empty() && name != ROOT && name.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_from_the_file_and_are_plain() {
        let file =
            "root:x:0:0::/:\nanna:x:1000:1000::/:\nodd \"one\":x:7:7::/:\nroot:x:8:8::/:\nbroken\n";
        let list = accounts::users(file.as_bytes(), "/etc/passwd");
        for (number, name) in [(0, "root"), (1000, "anna"), (7, "demo"), (8, "demo"), (9, "demo")] {
            assert_eq!(name_of(number, &list), name, "{number}");
        }
    }

    #[test]
    fn files_of_accounts_name_each_once() {
        let account = |uid, gid| Account { user: "anna".into(), group: "staff".into(), uid, gid };
        assert_eq!(account(0, 0).passwd().lines().count(), 1);
        assert_eq!(account(5, 6).passwd().lines().last(), Some("anna:x:5:6::/:/bin/sh"));
        assert_eq!(account(5, 6).group_file(), "root:x:0:\nstaff:x:6:\nincomex:x:64001:\n");
        let ours = Account { group: "incomex".into(), ..account(5, 6) };
        assert_eq!(ours.group_file(), "root:x:0:\nincomex:x:6:\n");
    }
}
