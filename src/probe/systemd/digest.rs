//! What the files of a unit hold, as digests: whoever adds a file to a unit changes what runs as much as who edits it.

use sha2::Digest as _;

use super::files::content;
use super::folders::is_merged;
use super::{Answered, Unit};
use crate::model::display::escape;
use crate::model::{Digest, Reason, Unknown};
use crate::probe::host::Facts;

/// Names every file by its one path, and adds the digests.
pub(super) fn add(facts: Facts<'_>, mut answered: Answered) -> Result<Answered, Unknown> {
    let merged = is_merged(facts)?;
    let plain = |path: &mut String| {
        if merged && path.starts_with("/lib/") {
            path.insert_str(0, "/usr");
        }
    };
    for (_, unit) in answered.units.values_mut().flatten() {
        unit.fragment.iter_mut().chain(&mut unit.drop_ins).for_each(plain);
        unit.fragment_sha256 = unit.fragment.as_deref().map(|path| of(facts, path)).transpose();
        unit.definition_sha256 = definition(facts, unit);
    }
    Ok(answered)
}

fn definition(facts: Facts<'_>, unit: &Unit) -> Result<Option<Digest>, Unknown> {
    let Some((path, digest)) = unit.fragment.as_ref().zip(unit.fragment_sha256.clone()?) else {
        return Ok(None);
    };
    let mut hasher = sha2::Sha256::new();
    hasher.update(line(digest, path));
    for path in &unit.drop_ins {
        hasher.update(line(of(facts, path)?, path));
    }
    Ok(Some(Digest::from_bytes(hasher.finalize().into())))
}

/// A line of `sha256sum`, which marks a name that it has to escape.
fn line(digest: Digest, path: &str) -> String {
    let escaped = path.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r");
    let mark = if escaped == path { "" } else { "\\" };
    format!("{mark}{digest}  {escaped}\n")
}

fn of(facts: Facts<'_>, path: &str) -> Result<Digest, Unknown> {
    content(facts, path)?.as_deref().map(Digest::of).ok_or_else(|| {
        let detail = format!("`{}` is gone, and the unit was read from it", escape(path));
        Unknown::new(Reason::ChangedWhileReading, detail)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_that_of_sha256sum() {
        let digest = Digest::of(b"");
        assert_eq!(line(digest, "/a b"), format!("{digest}  /a b\n"));
        assert_eq!(line(digest, "/a\\x2d"), format!("\\{digest}  /a\\\\x2d\n"));
    }
}
