//! Writing a file system down: no number of the moment is a wish, so half of what is free becomes the limit.

use std::path::Path;

use crate::kinds::{Adopted, Draft, path};
use crate::model::Unknown;
use crate::probe::host::{Host, Links};

/// What a reader of the table has to know.
const COMMENT: &str =
    "Half of what was free when this was written down. Choose the limit that you need.";

pub(super) fn adopt(host: &Host, asked: &str) -> Result<Adopted, Unknown> {
    let directory = path::asked(asked)?;
    let mut adopted = Adopted::default();
    if let Some(usage) = host.usage(Path::new(&directory), Links::Refuse)? {
        let mib = usage.bytes_available / 2 / (1 << 20);
        let limit = if mib >= 1024 { format!("{}GiB", mib / 1024) } else { format!("{mib}MiB") };
        let draft = Draft::new(directory).set("free_at_least", limit);
        adopted.drafts.push(draft.comment(COMMENT));
    }
    Ok(adopted)
}
