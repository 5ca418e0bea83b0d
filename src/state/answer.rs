//! Answers of a database, each with everything that it depends on: it counts only while all of that is the same.
//!
//! A file holds one answer: on its first line the SHA-256 of the rest, then JSON. It is written whole beside its place and
//! renamed. One that is damaged, exposed to others, or about anything else counts for nothing, and the database is asked.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::HashCaches;
use crate::model::{Digest, ResourceName, Timestamp};

/// The longest answer that is kept.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// What an answer depends on, besides the version of this program.
#[derive(Debug, Serialize)]
pub struct Asked<'a> {
    /// Which resource.
    pub resource: &'a ResourceName,
    /// What was asked of it.
    pub question: &'a Value,
    /// Who answered, and as whom it was asked.
    pub source: &'a [&'a str],
    /// In which state the source was.
    pub state: &'a Value,
}

/// An answer that is remembered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// Of everything that it depends on.
    about: Digest,
    /// When the source was asked.
    pub since: Timestamp,
    /// What it said.
    pub seen: Value,
}

impl Asked<'_> {
    fn about(&self) -> Option<Digest> {
        let text = serde_json::to_vec(&(env!("CARGO_PKG_VERSION"), self)).ok()?;
        Some(Digest::of(&text))
    }
}

impl HashCaches {
    /// The remembered answer, if it is to this very question, about this very state, and not too old. None for a guard.
    #[must_use]
    pub fn answer(&self, asked: &Asked<'_>) -> Option<Kept> {
        if self.is_never_for(&asked.resource.name) {
            return None;
        }
        let about = asked.about()?;
        let kept = match read(&self.place(asked.resource)) {
            Ok(kept) => kept?,
            Err(why) => {
                self.note_of(asked.resource, &why);
                return None;
            }
        };
        let (since, now) = (kept.since.unix_seconds(), self.now());
        let current = since <= now && since > now.saturating_sub(self.rehash_seconds());
        (kept.about == about && current).then_some(kept)
    }

    /// Remembers an answer. What fails here changes no verdict.
    pub fn keep_answer(&self, asked: &Asked<'_>, since: Timestamp, seen: &Value) {
        if self.is_never_for(&asked.resource.name) {
            return;
        }
        let Some(about) = asked.about() else { return };
        let kept = Kept { about, since, seen: seen.clone() };
        if let Err(why) = write(&self.place(asked.resource), &kept) {
            self.note_of(asked.resource, &why);
        }
    }

    fn place(&self, resource: &ResourceName) -> PathBuf {
        self.folder().join(format!("{}.answer", Digest::of(resource.to_string().as_bytes())))
    }
}

/// `None` where there is no file, or none that is whole.
fn read(path: &Path) -> std::io::Result<Option<Kept>> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let opened = File::options().read(true).custom_flags(flags.bits().cast_signed()).open(path);
    let file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let meta = file.metadata()?;
    let (ours, mode) = (meta.uid() == rustix::process::geteuid().as_raw(), meta.mode() & 0o7777);
    if !meta.is_file() || !ours || mode & 0o077 != 0 {
        return Err(std::io::Error::other("others can read or write it, or it is no file"));
    }
    let mut bytes = Vec::new();
    file.take(ANSWER_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    let Some((sum, text)) = bytes.split_at_checked(65) else { return Ok(None) };
    let whole = bytes.len() <= ANSWER_BYTES_MAX
        && sum.strip_suffix(b"\n").and_then(|hex| Digest::from_hex(hex).ok())
            == Some(Digest::of(text));
    Ok(if whole { serde_json::from_slice(text).ok() } else { None })
}

fn write(path: &Path, kept: &Kept) -> std::io::Result<()> {
    let text = serde_json::to_vec(kept)?;
    if text.len() + 65 > ANSWER_BYTES_MAX {
        return Ok(());
    }
    let folder = path.parent().unwrap_or(path);
    let mut next = tempfile::Builder::new().prefix(".answer-").tempfile_in(folder)?;
    writeln!(next, "{}", Digest::of(&text))?;
    next.write_all(&text)?;
    next.persist(path).map(drop).map_err(Into::into)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::os::unix::fs::PermissionsExt as _;
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::state::Settings;

    fn caches(folder: &Path, now: &str) -> HashCaches {
        let settings = Settings {
            rehash: Duration::from_hours(1),
            also_on: Vec::new(),
            never_for: BTreeSet::from(["guard".to_owned()]),
            now: now.parse().expect("an instant"),
        };
        HashCaches::open(folder, settings).expect("a folder of its own")
    }

    #[test]
    fn an_answer_counts_only_for_the_same_question_and_state() {
        let data = tempfile::tempdir().expect("a folder");
        let name = ResourceName::new("pg_schema", "public");
        let (question, state) = (json!({"q": 1}), json!({"pg_proc": "1 2"}));
        let asked =
            Asked { resource: &name, question: &question, source: &["1", "role"], state: &state };
        let now = "2026-05-21T06:28:50Z";
        let cache = caches(data.path(), now);
        assert_eq!(cache.answer(&asked), None);
        cache.keep_answer(&asked, now.parse().expect("an instant"), &json!({"seen": 1}));
        assert_eq!(cache.answer(&asked).map(|kept| kept.seen), Some(json!({"seen": 1})));
        let other = json!(2);
        for asked in [
            Asked { question: &other, ..asked },
            Asked { state: &other, ..asked },
            Asked { source: &["2", "role"], ..asked },
            Asked { resource: &ResourceName::new("pg_schema", "other"), ..asked },
        ] {
            assert_eq!(cache.answer(&asked), None);
        }
        // Neither after its time, nor before it was made.
        for now in ["2026-05-21T07:28:50Z", "2026-05-21T06:28:49Z"] {
            assert_eq!(caches(data.path(), now).answer(&asked), None, "{now}");
        }
        assert!(caches(data.path(), "2026-05-21T07:28:49Z").answer(&asked).is_some());
    }

    #[test]
    fn a_guard_is_never_remembered_and_damage_counts_for_nothing() {
        let data = tempfile::tempdir().expect("a folder");
        let now = "2026-05-21T06:28:50Z";
        let cache = caches(data.path(), now);
        let since: Timestamp = now.parse().expect("an instant");
        let null = Value::Null;
        let of = |name| ResourceName::new("pg_schema", name);
        let (guard, plain) = (of("guard"), of("plain"));
        let asked = |resource| Asked { resource, question: &null, source: &[], state: &null };
        cache.keep_answer(&asked(&guard), since, &json!(1));
        assert_eq!(cache.answer(&asked(&guard)), None);
        cache.keep_answer(&asked(&plain), since, &json!(1));
        let path = cache.place(&plain);
        let bytes = std::fs::read(&path).expect("it was kept");
        let text = String::from_utf8(bytes).expect("text").replace("\"seen\":1", "\"seen\":2");
        std::fs::write(&path, &text).expect("it can be written");
        assert_eq!(cache.answer(&asked(&plain)), None);
        cache.keep_answer(&asked(&plain), since, &json!(1));
        assert!(cache.answer(&asked(&plain)).is_some());
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("ours");
        assert_eq!(cache.answer(&asked(&plain)), None);
        assert!(
            cache.notes().iter().any(|note| note.contains("pg_schema.plain")),
            "{:?}",
            cache.notes()
        );
    }
}
