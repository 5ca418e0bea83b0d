//! What is known of the file system below a root: whether times of files on it come from this machine's clock.

use std::borrow::Cow;
use std::os::fd::AsFd;

use crate::model::Unknown;
use crate::probe::host::failed;

/// Kernel drivers that stamp changes with this machine's clock, at the time of the change.
const LOCAL: &[(u64, &str)] = &[
    (0xef53, "ext4"),
    (0x5846_5342, "xfs"),
    (0x9123_683e, "btrfs"),
    (0x0102_1994, "tmpfs"),
    (0x2fc1_2fc1, "zfs"),
    (0xf2f5_2010, "f2fs"),
];

/// Others that have a name: the time is another machine's or another program's, or changes of a layer below go unseen.
const OTHERS: &[(u64, &str)] = &[
    (0x6969, "nfs"),
    (0xff53_4d42, "cifs"),
    (0xfe53_4d42, "smb3"),
    (0x6573_5546, "fuse"),
    (0x794c_7630, "overlayfs"),
    (0x0102_1997, "9p"),
    (0x00c3_6400, "ceph"),
    (0x4d44, "vfat"),
];

/// A file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Filesystem {
    /// Its name; the kernel's number for one that has none here.
    pub(super) name: Cow<'static, str>,
    /// Does it keep times by this machine's clock?
    pub(super) local: bool,
}

impl Filesystem {
    pub(super) fn of(dir: impl AsFd, root: &std::path::Path) -> Result<Self, Unknown> {
        let told = rustix::fs::fstatfs(dir).map_err(|e| failed(e, root))?;
        Ok(Self::numbered(u64::try_from(told.f_type).unwrap_or_default()))
    }

    fn numbered(magic: u64) -> Self {
        let known = |(number, name): &(u64, &'static str)| (*number == magic).then_some(*name);
        if let Some(name) = LOCAL.iter().find_map(known) {
            return Self { name: name.into(), local: true };
        }
        let name = OTHERS.iter().find_map(known);
        Self { name: name.map_or_else(|| format!("{magic:#x}").into(), Into::into), local: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_clocks_are_trusted() {
        assert!(Filesystem::numbered(0xef53).local);
        for (number, name) in [(0x6969, "nfs"), (0x794c_7630, "overlayfs"), (0x1234, "0x1234")] {
            let other = Filesystem::numbered(number);
            assert_eq!((&*other.name, other.local), (name, false));
        }
    }
}
