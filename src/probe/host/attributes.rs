//! Extended attributes, capabilities and flags of files. Asked only where somebody wants to know: each costs calls.

use std::collections::BTreeMap;
use std::ffi::CStr;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::path::Path;

use rustix::fs::{AtFlags, StatxAttributes, StatxFlags};
use rustix::io::Errno;

use super::capabilities::FileCapabilities;
use super::content::{self, At};
use super::{Contents, Host, Links, failed};
use crate::model::{Digest, Reason, Unknown, shown_path};
use crate::probe::cancel::Cancel;

/// The attribute that holds capabilities.
pub const CAPABILITY: &[u8] = b"security.capability";
/// The label that a policy of the kernel puts on every file: no business of whoever compares content.
const LABEL: &[u8] = b"security.selinux";
/// As large as the kernel makes the list of names, and one value (`XATTR_LIST_MAX`, `XATTR_SIZE_MAX`).
const BYTES_MAX: usize = 64 << 10;
/// Enough for nearly every file.
const BYTES_USUAL: usize = 1 << 10;

/// Extended attributes by name, without the label of a policy of the kernel.
pub(super) type Xattrs = BTreeMap<Vec<u8>, Vec<u8>>;

/// What is asked of a file beside its plain attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Asked {
    /// Its digest.
    pub content: bool,
    /// Its extended attributes.
    pub xattrs: bool,
}

/// What a file holds and carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inside {
    /// Its digest, where it was asked.
    pub digest: Option<Digest>,
    /// Its extended attributes, where they were asked.
    pub xattrs: Option<BTreeMap<Vec<u8>, Vec<u8>>>,
    /// May what they hold be shown in clear?
    pub shown: bool,
    /// How many names it has.
    pub links: u64,
    /// Does a flag of its inode forbid every change?
    pub immutable: Result<bool, Unknown>,
}

impl Host {
    /// What a regular file holds and carries, all from one descriptor. Nothing is opened unless it has to be read.
    ///
    /// # Errors
    /// Unknown, when that cannot be told.
    pub fn inside(
        &self,
        path: &Path,
        links: Links,
        asked: Asked,
        cancel: &Cancel,
    ) -> Result<Contents<Inside>, Unknown> {
        let Some(spot) = self.find(path, links)? else { return Ok(Contents::Absent) };
        let at = || spot.path.clone();
        let shown = self.policy.shows_content(path) && self.policy.shows_content(&spot.path);
        if asked == Asked::default() {
            let Some(stat) = spot.stat()? else { return Ok(Contents::Absent) };
            if stat.file_type != super::FileType::File {
                return Ok(Contents::Other(stat));
            }
            let (links, immutable) = flags(spot.dir.as_fd(), &spot.name, &at)?;
            let inside = Inside { digest: None, xattrs: None, shown, links, immutable };
            return Ok(Contents::Regular(stat, inside));
        }
        let (kernel, (digest, xattrs, file)) =
            match content::attend(&self.opener, &spot, asked.content, cancel, &|file| {
                if asked.xattrs { xattrs(file, &at).map(Some) } else { Ok(None) }
            })? {
                Contents::Regular(kernel, held) => (kernel, held),
                Contents::Absent => return Ok(Contents::Absent),
                Contents::Other(stat) => return Ok(Contents::Other(stat)),
            };
        let (links, immutable) = flags(file.as_fd(), c"", &at)?;
        Ok(Contents::Regular(kernel, Inside { digest, xattrs, shown, links, immutable }))
    }
}

/// The number of links and the immutable flag of what stands at a name, or is open when the name is empty.
fn flags(
    dir: BorrowedFd<'_>,
    name: &CStr,
    at: At<'_>,
) -> Result<(u64, Result<bool, Unknown>), Unknown> {
    let how = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT | AtFlags::EMPTY_PATH;
    let told = rustix::fs::statx(dir, name, how, StatxFlags::NLINK | StatxFlags::TYPE);
    let told = told.map_err(|error| failed(error, &at()))?;
    let immutable = if told.stx_attributes_mask.contains(StatxAttributes::IMMUTABLE) {
        Ok(told.stx_attributes.contains(StatxAttributes::IMMUTABLE))
    } else {
        let detail = format!(
            "the file system of `{}` does not say whether it is immutable",
            shown_path(&at())
        );
        Err(Unknown::new(Reason::NotSupported, detail))
    };
    Ok((told.stx_nlink.into(), immutable))
}

/// Every extended attribute of an open file with its value.
fn xattrs(file: BorrowedFd<'_>, at: At<'_>) -> Result<Xattrs, Unknown> {
    let mut found = Xattrs::new();
    for name in xattr_names(file, at)? {
        if let Some(value) = xattr(file, &name, at)? {
            found.insert(name, value);
        }
    }
    Ok(found)
}

/// The names of the extended attributes of an open file, without the label. A file system that
/// knows of none has none.
pub(in crate::probe) fn xattr_names(
    file: BorrowedFd<'_>,
    at: At<'_>,
) -> Result<Vec<Vec<u8>>, Unknown> {
    let list =
        grown(at, "list of extended attributes", &|buffer| rustix::fs::flistxattr(file, buffer))?;
    let names = list.unwrap_or_default();
    let names = names.split(|c| *c == 0).filter(|name| !name.is_empty() && *name != LABEL);
    Ok(names.map(<[u8]>::to_vec).collect())
}

/// The value of one extended attribute; `None` when it is not there any more.
fn xattr(file: BorrowedFd<'_>, name: &[u8], at: At<'_>) -> Result<Option<Vec<u8>>, Unknown> {
    grown(at, "value of an extended attribute", &|buffer| rustix::fs::fgetxattr(file, name, buffer))
}

/// The capabilities of an open file; `None` where it has none.
pub(in crate::probe) fn capabilities(
    file: BorrowedFd<'_>,
    at: At<'_>,
) -> Result<Option<FileCapabilities>, Unknown> {
    let Some(value) = xattr(file, CAPABILITY, at)? else { return Ok(None) };
    FileCapabilities::parse(&value).map(Some).ok_or_else(|| malformed(&at()))
}

pub(in crate::probe) fn malformed(path: &Path) -> Unknown {
    let detail = format!(
        "`security.capability` of `{}` is of no form that this version knows",
        shown_path(path)
    );
    Unknown::new(Reason::Malformed, detail)
}

/// Asks with a small buffer, and with the largest when that is too small. `None`: nothing of that name, or no such thing here.
fn grown(
    at: At<'_>,
    what: &str,
    ask: &dyn Fn(&mut [u8]) -> rustix::io::Result<usize>,
) -> Result<Option<Vec<u8>>, Unknown> {
    for size in [BYTES_USUAL, BYTES_MAX] {
        let mut buffer = vec![0; size];
        match ask(&mut buffer) {
            Ok(length) => {
                buffer.truncate(length);
                return Ok(Some(buffer));
            }
            Err(Errno::RANGE) => {}
            Err(Errno::NODATA | Errno::OPNOTSUPP) => return Ok(None),
            Err(error) => return Err(failed(error, &at())),
        }
    }
    let detail = format!("the {what} of `{}` has more than {BYTES_MAX} bytes", shown_path(&at()));
    Err(Unknown::new(Reason::TooLarge, detail))
}

impl Inside {
    /// The capabilities among the extended attributes; `None` where those were not asked.
    #[must_use]
    pub fn capabilities(&self, path: &Path) -> Option<Result<FileCapabilities, Unknown>> {
        Some(match self.xattrs.as_ref()?.get(CAPABILITY) {
            None => Ok(FileCapabilities::default()),
            Some(value) => FileCapabilities::parse(value).ok_or_else(|| malformed(path)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_no_list() {
        let at = || "/x".into();
        let small = grown(&at, "x", &|buffer| {
            if buffer.len() < 2000 { Err(Errno::RANGE) } else { Ok(2000) }
        });
        assert_eq!(small.map(|bytes| bytes.map(|bytes| bytes.len())), Ok(Some(2000)));
        let large = grown(&at, "x", &|_| Err(Errno::RANGE)).map_err(|unknown| unknown.reason);
        assert_eq!(large, Err(Reason::TooLarge));
        let none = grown(&at, "x", &|_| Err(Errno::OPNOTSUPP));
        assert_eq!(none, Ok(None), "a file system without them has none");
        let refused = grown(&at, "x", &|_| Err(Errno::ACCESS)).map_err(|unknown| unknown.reason);
        assert_eq!(refused, Err(Reason::PermissionDenied));
    }
}
