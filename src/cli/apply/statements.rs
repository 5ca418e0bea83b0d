//! The statements that an apply looks at: those that were named, and those that were imported.

use std::path::{Path, PathBuf};

use super::super::error::Failure;
use super::super::exit;
use crate::approval::{RemoteStatements, SIGNED_BYTES_MAX, Signed};
use crate::config::Config;
use crate::model::Digest;

/// Statements, and whether those of the repository are among them.
pub(super) struct Gathered {
    pub(super) statements: Vec<Signed>,
    pub(super) remote: RemoteStatements,
}

/// Reads all of them.
pub(super) fn gather(
    _config: &Config,
    named: &[PathBuf],
    _plan: Digest,
) -> Result<Gathered, Failure> {
    let statements = named.iter().map(|path| read(path)).collect::<Result<_, _>>()?;
    let remote = RemoteStatements::Unreachable("this version does not fetch them".to_owned());
    Ok(Gathered { statements, remote })
}

/// A statement with its signature in one file.
fn read(path: &Path) -> Result<Signed, Failure> {
    use std::io::Read as _;
    let failed = |e: std::io::Error| {
        Failure::new(exit::ERROR, format!("cannot read {}: {e}", path.display()))
    };
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(SIGNED_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    Signed::of_one(&bytes, path).map_err(|error| {
        let failure = Failure::of(exit::APPROVAL, &error);
        Failure { message: format!("{}: {}", path.display(), failure.message), ..failure }
    })
}
