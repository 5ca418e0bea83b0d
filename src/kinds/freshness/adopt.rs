//! Writing a freshness down: `DIR/PATTERN`, with twice the age and half the size of what is the newest now.

use std::path::Path;

use super::{Freshness, Seen};
use crate::kinds::{Adopted, Draft, Kind as _, NoFiles, path};
use crate::model::{Reason, Timestamp, Unknown};
use crate::probe::cancel::Cancel;
use crate::probe::host::Host;

/// What a reader of the table has to know.
const COMMENT: &str = "Twice the age and half the size of the newest when this was written down. Choose the limits that you need.";
/// Nothing is written down that has to be younger: whoever looks a little later would find it too old.
const AGE_SECONDS_MIN: u64 = 3600;

pub(super) fn adopt(
    host: &Host,
    asked: &str,
    now: Timestamp,
    cancel: &Cancel,
) -> Result<Adopted, Unknown> {
    let (directory, pattern) = asked.rsplit_once('/').unwrap_or_default();
    let directory = path::asked(directory)?;
    let mut asking = Freshness { directory, pattern: pattern.to_owned(), ..Freshness::default() };
    let mut problems = Vec::new();
    asking.prepare("", &NoFiles, &mut problems);
    if asking.matcher.is_none() {
        let detail = "it is not of the form DIR/PATTERN, as in /srv/backups/*.dump";
        return Err(Unknown::new(Reason::NotSupported, detail));
    }
    let mut adopted = Adopted::default();
    let Seen::Looked { newest: Some(newest), .. } = asking.look(host, now, cancel)? else {
        return Ok(adopted);
    };
    let age = u64::try_from(newest.age).unwrap_or(0).saturating_mul(2).max(AGE_SECONDS_MIN);
    let name = Path::new(&asking.directory).file_name().unwrap_or_default();
    let draft = Draft::new(name.to_string_lossy())
        .set("directory", asking.directory.as_str())
        .set("pattern", pattern)
        .set("younger_than", format!("{}h", age.div_ceil(3600)))
        .set("bytes_at_least", newest.bytes / 2)
        .about(&["directory", "pattern"], asked);
    adopted.drafts.push(draft.comment(COMMENT));
    Ok(adopted)
}
