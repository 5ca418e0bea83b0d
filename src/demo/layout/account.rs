//! To whom the sandbox belongs: the numbers come from what was written, the names from this machine.
//!
//! Only reads. A name that cannot be found, or that could not stand in a file of accounts, becomes `demo`.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

const FALLBACK: &str = "demo";
const ROOT: &str = "root";

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
        let user = name_of(uid, &fs::read_to_string("/etc/passwd").unwrap_or_default());
        let group = name_of(gid, &fs::read_to_string("/etc/group").unwrap_or_default());
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

    /// `/etc/group` likewise.
    pub(super) fn group_file(&self) -> String {
        match self {
            Self { gid: 0, .. } => "root:x:0:\n".to_owned(),
            Self { group, gid, .. } => format!("root:x:0:\n{group}:x:{gid}:\n"),
        }
    }
}

/// The name of a number in a file of accounts or groups. Number 0 is root, and nobody else is.
fn name_of(number: u32, file: &str) -> String {
    if number == 0 {
        return ROOT.to_owned();
    }
    let wanted = number.to_string();
    let named = file.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == wanted).then_some(name)
    });
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
        for (number, name) in [(0, "root"), (1000, "anna"), (7, "demo"), (8, "demo"), (9, "demo")] {
            assert_eq!(name_of(number, file), name, "{number}");
        }
    }

    #[test]
    fn files_of_accounts_name_each_once() {
        let account = |uid, gid| Account { user: "anna".into(), group: "staff".into(), uid, gid };
        assert_eq!(account(0, 0).passwd().lines().count(), 1);
        assert_eq!(account(5, 6).passwd().lines().last(), Some("anna:x:5:6::/:/bin/sh"));
        assert_eq!(account(5, 6).group_file(), "root:x:0:\nstaff:x:6:\n");
    }
}
