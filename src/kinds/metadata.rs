//! Presence, type, owner, group and mode: what files and directories have in common.

use serde::{Deserialize, Serialize};

use super::{Draft, Problem, presence};
use crate::model::{Comparison, Difference, Mode, Unknown};
use crate::probe::host::{FileType, Host, Stat};

/// What was seen of one path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Metadata {
    pub(super) file_type: FileType,
    owner: Result<String, Unknown>,
    group: Result<String, Unknown>,
    mode: Mode,
}

/// What is wanted of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) present: bool,
    pub(super) file_type: FileType,
    pub(super) owner: Option<&'a String>,
    pub(super) group: Option<&'a String>,
    pub(super) mode: Option<Mode>,
}

impl Metadata {
    pub(super) fn of(host: &Host, stat: &Stat) -> Self {
        Self {
            file_type: stat.file_type,
            owner: host.user_name(stat.uid),
            group: host.group_name(stat.gid),
            mode: stat.mode,
        }
    }
}

impl Wanted<'_> {
    /// Compares; true when the right thing stands there, so that what it holds can be compared as well.
    pub(super) fn compare(&self, seen: Option<&Metadata>, found: &mut Comparison) -> bool {
        let there = presence::compare(self.present, seen.is_some(), found);
        let Some(seen) = seen.filter(|_| there) else { return false };
        if seen.file_type != self.file_type {
            found.differences.push(Difference::new("type", self.file_type, seen.file_type));
            return false;
        }
        for (field, wanted, is) in
            [("owner", self.owner, &seen.owner), ("group", self.group, &seen.group)]
        {
            found.expect_told(field, wanted, is);
        }
        found.expect("mode", self.mode.as_ref(), &seen.mode);
        found.seen = Some(seen.brief());
        true
    }

    /// Refuses keys that say something about a thing that shall not be there.
    pub(super) fn check(&self, others: &[(&str, bool)], problems: &mut Vec<Problem>) {
        let own = [
            ("owner", self.owner.is_some()),
            ("group", self.group.is_some()),
            ("mode", self.mode.is_some()),
        ];
        presence::check(self.present, &[&own, others].concat(), problems);
    }
}

impl Metadata {
    /// Writes owner, group and mode down.
    pub(super) fn adopt(self, draft: Draft) -> Result<Draft, Unknown> {
        let mode = self.mode.to_string();
        Ok(draft.set("owner", self.owner?).set("group", self.group?).set("mode", mode))
    }

    /// The names of owner and group.
    pub(super) fn names(self) -> Result<(String, String), Unknown> {
        Ok((self.owner?, self.group?))
    }

    /// May anybody on the host read it? What is closed to others may be a secret, and so may its digest.
    pub(super) const fn is_public(&self) -> bool {
        self.mode.bits() & 0o004 != 0
    }

    fn brief(&self) -> String {
        let name = |name: &Result<String, Unknown>| {
            name.as_ref()
                .map_or_else(|_| "?".to_owned(), |name| crate::model::display::one_line(name, 32))
        };
        format!("{}:{} {}", name(&self.owner), name(&self.group), self.mode)
    }
}
