//! Writing files down: one, or all that lie directly in a folder.

use std::path::Path;

use super::super::metadata::Metadata;
use super::super::{Adopted, Draft, path};
use crate::model::{Reason, Unknown};
use crate::probe::cancel::Cancel;
use crate::probe::host::{Contents, FileType, Host, Links};

/// The most files of one folder.
const ADOPTED_MAX: usize = 1_000;
/// What is said in the place of a digest.
const CLOSED: &str = "What it holds is not written down: not everybody may read it, and a digest is a hint at a secret.";

/// The file, or the files of the folder.
pub(super) fn adopt(host: &Host, asked: &str, cancel: &Cancel) -> Result<Adopted, Unknown> {
    let mut adopted = Adopted::default();
    let folder = match host.entries(Path::new(asked), Links::Refuse, ADOPTED_MAX)? {
        Contents::Absent => return Ok(adopted),
        Contents::Other(_) => {
            adopted.drafts.extend(one(host, asked, cancel)?);
            return Ok(adopted);
        }
        Contents::Regular(_, entries) => entries,
    };
    for entry in
        folder.iter().filter(|entry| matches!(entry.file_type, Some(FileType::File) | None))
    {
        let draft = path::below(asked, &entry.name)
            .and_then(|path| one(host, &path, cancel).map_err(|unknown| (path, unknown)));
        match draft {
            Ok(draft) => adopted.drafts.extend(draft),
            Err(unseen) => adopted.unseen.push(unseen),
        }
    }
    Ok(adopted)
}

fn one(host: &Host, path: &str, cancel: &Cancel) -> Result<Option<Draft>, Unknown> {
    let at = Path::new(path);
    let Some(stat) = host.stat(at, Links::Refuse)? else { return Ok(None) };
    if stat.file_type != FileType::File {
        let detail = format!("it is a {}", stat.file_type.name());
        return Err(Unknown::new(Reason::NotSupported, detail));
    }
    let metadata = Metadata::of(host, &stat);
    if !metadata.is_public() && !host.policy().shows_content(at) {
        return metadata.adopt(Draft::new(path).comment(CLOSED)).map(Some);
    }
    match host.hash(at, Links::Refuse, cancel)? {
        Contents::Regular(stat, digest) => {
            let draft = Metadata::of(host, &stat).adopt(Draft::new(path))?;
            Ok(Some(draft.set("sha256", digest.to_string())))
        }
        _ => Ok(None),
    }
}
