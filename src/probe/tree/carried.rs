//! What files carry beside their content: extended attributes, and rights that whoever executes them gets.

use std::os::fd::BorrowedFd;

use super::walk::Walk;
use super::{Carried, What};
use crate::model::display::escape_bytes;
use crate::probe::host::{CAPABILITY, FileType, capabilities, xattr_names};

const SETUID: u32 = 0o4000;
const SETGID: u32 = 0o2000;

impl Carried {
    /// Is anything asked for which a file has to be open?
    pub(super) const fn any(self) -> bool {
        self.xattrs || self.privileges
    }
}

impl Walk<'_> {
    /// Looks for what an open file or directory carries; true when nothing is found, or nothing was asked.
    pub(super) fn compare_carried(
        &self,
        path: &[u8],
        open: BorrowedFd<'_>,
        file_type: FileType,
        mode: u32,
    ) -> bool {
        let asked = self.question.carried;
        // What a directory executes is nothing; its setgid bit is about the group of new files.
        let privileges = asked.privileges && file_type == FileType::File;
        if self.list.is_none() || !(asked.xattrs || privileges) {
            return true;
        }
        let at = || self.full_path(path);
        let mut found = Vec::new();
        if privileges {
            let bits = [(SETUID, "setuid"), (SETGID, "setgid")];
            let set = bits.iter().filter(|(bit, _)| mode & bit != 0);
            found.extend(set.map(|(_, name)| What::Privilege((*name).to_owned())));
        }
        let names = match xattr_names(open, &at) {
            Ok(names) => names,
            Err(unknown) => {
                self.findings.blind(path, unknown);
                return false;
            }
        };
        if privileges && names.iter().any(|name| name == CAPABILITY) {
            match capabilities(open, &at) {
                Ok(Some(held)) if !held.is_empty() => {
                    found.push(What::Privilege(held.to_string()));
                }
                Ok(_) => {}
                Err(unknown) => self.findings.blind(path, unknown),
            }
        }
        if asked.xattrs {
            found.extend(names.iter().map(|name| What::Xattr(escape_bytes(name))));
        }
        let nothing = found.is_empty();
        for what in found {
            self.findings.differs(path, what);
        }
        nothing
    }
}
