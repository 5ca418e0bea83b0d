//! `adopt --from FORMAT FILE`: what another tool wrote becomes desired state. Looks at no host.

use std::io::Read as _;
use std::path::Path;

use super::super::error::Failure;
use super::super::exit;
use super::{Arguments, Summary};
use crate::adopt::from::{self, Format, Imported, Source};
use crate::model::nearest;

/// The largest file that is read.
const BYTES_MAX: u64 = 256 << 20;

/// What was asked for with `--from`; `None` when nothing was.
pub(super) fn read(
    arguments: &Arguments,
    summary: &mut Summary,
) -> Result<Option<Imported>, Failure> {
    let [name, file] = arguments.from.as_slice() else { return Ok(None) };
    let format = from::format(name).ok_or_else(|| unknown_format(name))?;
    let root = root(arguments, format)?;
    let bytes = bytes(Path::new(file))?;
    let source = Source { file, bytes: &bytes, root: root.as_deref() };
    let imported = (format.read)(&source)
        .map_err(|why| Failure::new(exit::INVALID, format!("{file} is not taken over: {why}")))?;
    summary.left_out(&imported.left_out);
    Ok(Some(imported))
}

fn unknown_format(name: &str) -> Failure {
    let known: Vec<&str> = from::FORMATS.iter().map(|format| format.name).collect();
    let failure = Failure::new(exit::USAGE, format!("`{name}` is no format that is taken over"));
    match nearest(name, known.iter().copied()) {
        Some(near) => failure.hint(format!("did you mean `{near}`?")),
        None => failure.hint(format!("known: {}", known.join(", "))),
    }
}

/// The folder that `--tree` names; beside `--from` that is all that a flag of a kind may say.
fn root(arguments: &Arguments, format: &Format) -> Result<Option<String>, Failure> {
    let asked = &arguments.asked.of_kinds;
    match (asked.as_slice(), format.needs_root) {
        ([], false) => Ok(None),
        ([(kind, root)], true) if kind.name() == "tree" && root.starts_with('/') => {
            let root = root.strip_suffix('/').filter(|rest| !rest.is_empty()).unwrap_or(root);
            Ok(Some(root.to_owned()))
        }
        (_, true) => Err(Failure::new(
            exit::USAGE,
            format!(
                "`{}` needs `--tree DIR`, the folder on the host that it is about",
                format.name
            ),
        )),
        (_, false) => Err(Failure::new(
            exit::USAGE,
            "--from takes over a file, and looks at nothing: name what is there in a run of its own",
        )),
    }
}

fn bytes(file: &Path) -> Result<Vec<u8>, Failure> {
    let failed = |error: std::io::Error| {
        Failure::new(exit::ERROR, format!("cannot read {}: {error}", file.display()))
    };
    let mut bytes = Vec::new();
    let opened = std::fs::File::open(file).map_err(failed)?;
    opened.take(BYTES_MAX + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > BYTES_MAX {
        let message = format!("{} is larger than {BYTES_MAX} bytes", file.display());
        return Err(Failure::new(exit::ERROR, message));
    }
    Ok(bytes)
}
