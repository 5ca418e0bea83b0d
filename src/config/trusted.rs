//! Files whose content is trusted: read through one descriptor, after a look at who may change them.

use std::io::Read as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use super::ConfigError;
use crate::model::document;

/// The largest password file that is read.
const PASSWORD_BYTES_MAX: u64 = 4096;

/// Who may do what with a file that is trusted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Privacy {
    /// Others may read it, and not write it.
    NotWritable,
    /// Only its owner may read it.
    OwnerOnly,
}

/// Reads a trusted file through one descriptor, so that what was checked is what is read. Also says who owns it.
pub(super) fn read_checked(
    path: &Path,
    bytes_max: u64,
    privacy: Privacy,
) -> Result<(String, u32), ConfigError> {
    let failed = |source| ConfigError::Read { path: path.to_owned(), source };
    let insecure = |reason: String| ConfigError::Insecure { path: path.to_owned(), reason };
    let mut options = std::fs::OpenOptions::new();
    options.read(true).custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
    let file = options.open(path).map_err(failed)?;
    let meta = file.metadata().map_err(failed)?;
    if !meta.is_file() {
        return Err(insecure("it is not a regular file".to_owned()));
    }
    let mode = meta.mode() & 0o7777;
    let forbidden = if privacy == Privacy::OwnerOnly { 0o077 } else { 0o002 };
    if mode & forbidden != 0 {
        let mend = if privacy == Privacy::OwnerOnly { "chmod 0600" } else { "chmod o-w" };
        return Err(insecure(format!(
            "its mode {mode:04o} lets others at it; run `{mend} {}`",
            path.display()
        )));
    }
    let me = rustix::process::geteuid().as_raw();
    if meta.uid() != 0 && meta.uid() != me {
        return Err(insecure(format!(
            "it belongs to user {}, neither to root nor to you",
            meta.uid()
        )));
    }
    let mut bytes = Vec::new();
    file.take(bytes_max + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > bytes_max {
        return Err(insecure(format!("it is larger than {bytes_max} bytes")));
    }
    let text = String::from_utf8(bytes).map_err(|e| ConfigError::Invalid {
        path: path.to_owned(),
        text: String::from_utf8_lossy(e.as_bytes()).into_owned(),
        diagnostics: document::utf8(&path.display().to_string(), e.as_bytes())
            .err()
            .into_iter()
            .collect(),
    })?;
    Ok((text, meta.uid()))
}

/// The password in a file of its own, without the line end that editors add.
pub(super) fn password(path: &Path) -> Result<String, ConfigError> {
    let (text, _) = read_checked(path, PASSWORD_BYTES_MAX, Privacy::OwnerOnly)?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}
