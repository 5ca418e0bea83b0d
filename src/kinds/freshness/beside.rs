//! The file beside a file that holds its SHA-256.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::model::{Digest, Reason, Unknown, shown_path};
use crate::probe::host::{Host, Links};

/// One line holds it; nobody writes a long file for that.
const BYTES_MAX: u64 = 64 << 10;

/// What the file beside says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Beside {
    /// There is none.
    Absent,
    /// This digest.
    Says(Digest),
    /// Another than that of the file; it stands there alone, where nothing may be shown, and may be a key.
    SaysAnother,
}

/// Reads the file whose name is that of `path` with `suffix` added. `is` is the digest of the file itself.
pub(super) fn read(
    host: &Host,
    path: &Path,
    suffix: &str,
    links: Links,
    is: Option<Digest>,
) -> Result<Beside, Unknown> {
    let mut beside = OsString::from(path);
    beside.push(suffix);
    let beside = PathBuf::from(beside);
    let Some((bytes, may_show)) = host.read_to_show(&beside, links, BYTES_MAX)? else {
        return Ok(Beside::Absent);
    };
    let name = path.file_name().unwrap_or_default().as_bytes();
    // 64 digits without a name are what many secret keys look like.
    let alone = bytes.trim_ascii().len() == 64;
    let told = |said| {
        if may_show || !alone || is == Some(said) {
            Beside::Says(said)
        } else {
            Beside::SaysAnother
        }
    };
    said(&bytes, name).map(told).ok_or_else(|| {
        let (beside, path) = (shown_path(&beside), shown_path(path));
        let detail = format!("`{beside}` does not hold exactly one SHA-256 of `{path}`");
        Unknown::new(Reason::Malformed, detail)
    })
}

/// The one digest of the file of that name: `DIGEST  NAME`, `DIGEST *NAME`, with or without folders, or a digest alone.
fn said(bytes: &[u8], name: &[u8]) -> Option<Digest> {
    let mut found = None;
    for line in bytes.split(|c| *c == b'\n').map(<[u8]>::trim_ascii).filter(|l| !l.is_empty()) {
        let (digest, rest) = line.split_at_checked(64)?;
        let listed = rest.trim_ascii_start();
        let listed = listed.strip_prefix(b"*").unwrap_or(listed);
        let last = listed.rsplit(|c| *c == b'/').next().unwrap_or_default();
        let digest = Digest::from_hex(digest).ok()?;
        let separated = rest.is_empty() || rest.len() > listed.len();
        match (last == name || listed.is_empty()) && separated {
            false => {}
            true if found.is_some() => return None,
            true => found = Some(digest),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_digest_of_that_name_counts() {
        let (a, b) = (Digest::of(b"a"), Digest::of(b"b"));
        for (text, expected) in [
            (format!("{a}  x.gpg\n"), Some(a)),
            (format!("{a} */srv/backups/x.gpg"), Some(a)),
            (format!("{a}\n"), Some(a)),
            (format!("{b}  y.gpg\n{a}  x.gpg\n"), Some(a)),
            (format!("{b}  x.gpg\n{a}  x.gpg\n"), None),
            (format!("{b}  y.gpg\n"), None),
            (format!("{b}x.gpg\n"), None),
            ("nonsense".to_owned(), None),
            (String::new(), None),
        ] {
            assert_eq!(said(text.as_bytes(), b"x.gpg"), expected, "{text}");
        }
    }
}
