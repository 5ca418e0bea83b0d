//! Owner, group and mode of a file or directory against what is wanted throughout its tree.

use std::sync::atomic::{AtomicU64, Ordering};

use super::What;
use super::walk::Walk;
use crate::model::{Mode, Unknown};
use crate::probe::host::{FileType, Stat};

/// A wanted owner or group, and the number that turned out to be it.
struct Wanted<'a> {
    name: Option<&'a str>,
    known: &'a AtomicU64,
}

impl Walk<'_> {
    /// Compares owner, group and mode with what is wanted throughout the tree; true when they are so.
    pub(super) fn compare_attributes(&self, path: &[u8], stat: &Stat) -> bool {
        let wanted = &self.question.attributes;
        let owner = Wanted { name: wanted.owner.as_deref(), known: &self.known_owner };
        let owner = self
            .compare_name(path, &owner, stat.uid, What::Owner, &|| self.host.user_name(stat.uid));
        let group = Wanted { name: wanted.group.as_deref(), known: &self.known_group };
        let group = self
            .compare_name(path, &group, stat.gid, What::Group, &|| self.host.group_name(stat.gid));
        let mode = match stat.file_type {
            FileType::Directory => wanted.directory_mode,
            _ => wanted.file_mode,
        };
        owner & group & self.compare_mode(path, mode, stat.mode)
    }

    fn compare_name(
        &self,
        path: &[u8],
        wanted: &Wanted<'_>,
        number: u32,
        what: fn(String) -> What,
        actual: &dyn Fn() -> Result<String, Unknown>,
    ) -> bool {
        let Some(name) = wanted.name else { return true };
        // Nearly every file belongs to the one that is wanted, and a number has one name during a look.
        let known = u64::from(number) + 1;
        if wanted.known.load(Ordering::Relaxed) == known {
            return true;
        }
        match actual() {
            Ok(actual) if actual == *name => {
                wanted.known.store(known, Ordering::Relaxed);
                return true;
            }
            Ok(actual) => self.findings.differs(path, what(actual)),
            Err(unknown) => self.findings.blind(path, unknown),
        }
        false
    }

    fn compare_mode(&self, path: &[u8], wanted: Option<Mode>, actual: Mode) -> bool {
        match wanted {
            Some(desired) if desired != actual => {
                self.findings.differs(path, What::Mode { desired, actual });
                false
            }
            _ => true,
        }
    }
}
