//! The digests of a tree's files, with the attributes that the files had when they were hashed.
//!
//! A file whose attributes are all the same is taken to have the same content, and every verdict that rests on this says
//! so, with the oldest such digest. What this cannot see - stores through a mapping, a clock or a block device in the
//! wrong hands - is why every entry is hashed again in time: spread over the looks, oldest first, and all beyond the age.
//!
//! An index is written whole beside its place and renamed; one that is damaged, exposed to others, or about another list,
//! root or boot counts for nothing, and every file is hashed.

mod index;
mod record;

use std::collections::BTreeSet;
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tempfile::NamedTempFile;

use crate::model::display::escape;
use crate::model::{Digest, Timestamp};
use index::{About, Index, Unusable};
use record::{RECORD_BYTES, Record};

pub use record::Key;

/// A file that was changed less than so long before the look began is hashed again next time: within the granularity of
/// its clock it could change once more and keep its times.
pub const RACY_SECONDS: i64 = 2;
/// In so many turns at most every file is hashed again: looks that follow each other at once change no index.
const TURNS_MAX: i64 = 288;

/// How caches are used on this host.
#[derive(Debug, Clone)]
pub struct Settings {
    /// After how long a file is hashed again whatever its attributes say.
    pub rehash: Duration,
    /// File systems on which a cache is used although they are not known to keep times by this machine's clock.
    pub also_on: Vec<String>,
    /// Trees that are always hashed: guards.
    pub never_for: BTreeSet<String>,
    /// When the look began.
    pub now: Timestamp,
}

/// The caches of one host, below the program's own folder.
#[derive(Debug)]
pub struct HashCaches {
    folder: PathBuf,
    settings: Settings,
    boot: Digest,
    notes: Mutex<BTreeSet<String>>,
}

/// Why there are no caches.
#[derive(Debug, thiserror::Error)]
#[error("the cache {} cannot be used: {reason}", folder.display())]
pub struct CacheError {
    /// Where.
    folder: PathBuf,
    /// Why.
    reason: String,
}

/// The tree that a cache is about.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The name of its resource.
    pub name: &'a str,
    /// The digest of its list.
    pub manifest: Digest,
    /// Device and inode of its root.
    pub root: (u64, u64),
    /// How many files its list names.
    pub entries: usize,
}

/// The cache of one tree during one walk.
#[derive(Debug)]
pub struct HashCache<'a> {
    caches: &'a HashCaches,
    /// The name of the tree.
    name: String,
    about: About,
    path: PathBuf,
    earlier: Option<Index>,
    /// Whatever is older is hashed again this time.
    due: u64,
    /// The next index: the earlier one with what changed, begun by the first change. `None` where it cannot be written.
    next: OnceLock<Option<NamedTempFile>>,
}

/// The records of some files while they are looked at.
#[derive(Debug, Default)]
pub struct Page {
    /// By place: what was remembered, and what shall be.
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    place: usize,
    earlier: Option<Record>,
    next: Next,
}

/// What shall be remembered of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Nothing,
    /// What was remembered before.
    Earlier,
    Hashed(Record),
}

/// A digest that is remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recalled {
    /// The digest.
    pub digest: Digest,
    /// When it was made, in seconds since 1970.
    pub hashed_at: i64,
}

impl HashCaches {
    /// Opens the folder of the caches below `data`, and makes it where there is none.
    ///
    /// # Errors
    /// When it cannot be made, others may write there, or the kernel does not say which boot this is.
    pub fn open(data: &Path, settings: Settings) -> Result<Self, CacheError> {
        let folder = data.join("cache");
        match prepare(&folder) {
            Ok(boot) => Ok(Self { folder, settings, boot, notes: Mutex::default() }),
            Err(reason) => Err(CacheError { folder, reason }),
        }
    }

    /// Is a cache used on this file system, although it is not known to keep times by this machine's clock?
    #[must_use]
    pub fn also_on(&self, filesystem: &str) -> bool {
        self.settings.also_on.iter().any(|name| name == filesystem)
    }

    /// Opens the cache of a tree; `None` for a tree that is always hashed.
    #[must_use]
    pub fn of(&self, subject: Subject<'_>) -> Option<HashCache<'_>> {
        if self.is_never_for(subject.name) {
            return None;
        }
        let Subject { name, manifest, root, entries } = subject;
        let file = format!("{}.hashes", Digest::of(name.as_bytes()));
        let path = self.folder.join(file);
        let about = About { manifest, boot: self.boot, root, entries: entries as u64 };
        let pause = (self.rehash_seconds() / TURNS_MAX).max(1);
        let earlier = Index::open(&path, &about, self.now(), pause).unwrap_or_else(|why| {
            if !matches!(why, Unusable::Other) {
                self.note(name, &why);
            }
            None
        });
        let mut cache = HashCache {
            caches: self,
            name: name.to_owned(),
            about,
            path,
            earlier,
            due: 0,
            next: OnceLock::new(),
        };
        cache.due = cache.choose_due();
        Some(cache)
    }

    /// What is worth saying about the caches that were not used.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// Notes why the cache of a tree is not used.
    pub fn note(&self, tree: &str, why: &dyn std::fmt::Display) {
        self.note_of(&format_args!("tree {}", escape(tree)), why);
    }

    /// The same of anything else that is remembered.
    pub(super) fn note_of(&self, what: &dyn std::fmt::Display, why: &dyn std::fmt::Display) {
        let note = format!("{what}: the cache is not used: {why}");
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).insert(note);
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Is this always looked at: is it a guard?
    pub(super) fn is_never_for(&self, name: &str) -> bool {
        self.settings.never_for.contains(name)
    }

    pub(super) fn now(&self) -> i64 {
        self.settings.now.unix_seconds()
    }

    pub(super) fn rehash_seconds(&self) -> i64 {
        i64::try_from(self.settings.rehash.as_secs()).unwrap_or(i64::MAX)
    }
}

impl HashCache<'_> {
    /// What is remembered of some files, by their places in the list.
    #[must_use]
    pub fn recall(&self, mut places: Vec<usize>) -> Page {
        places.sort_unstable();
        let mut page = Page { entries: Vec::with_capacity(places.len()) };
        let mut bytes = Vec::new();
        for run in places.chunk_by(|a, b| a + 1 == *b) {
            bytes.clear();
            bytes.resize(run.len() * RECORD_BYTES, 0);
            // What cannot be read is not remembered.
            let read = self.earlier.as_ref().is_some_and(|e| e.read(run[0], &mut bytes).is_ok());
            for (place, record) in run.iter().zip(bytes.as_chunks::<RECORD_BYTES>().0) {
                let earlier = if read { Record::read(record) } else { None };
                page.entries.push(Entry { place: *place, earlier, next: Next::Nothing });
            }
        }
        page
    }

    /// The digest of the file at `place`, if its attributes are those it was hashed with and it is not its turn.
    #[must_use]
    pub fn look(&self, page: &mut Page, place: usize, key: &Key) -> Option<Recalled> {
        let entry = page.entry(place)?;
        let &Record { digest, hashed_at, .. } =
            entry.earlier.as_ref().filter(|earlier| earlier.key == *key)?;
        let now = self.caches.now();
        let oldest = now.saturating_sub(self.caches.rehash_seconds());
        let current = (oldest + 1..=now).contains(&hashed_at) && key.changed_at() <= now;
        if !current || index::age(hashed_at, place as u64) < self.due {
            return None;
        }
        entry.next = Next::Earlier;
        Some(Recalled { digest, hashed_at })
    }

    /// Remembers what was hashed during this look, unless the file could still change unnoticed.
    pub fn keep(&self, page: &mut Page, place: usize, key: &Key, digest: Digest) {
        let now = self.caches.now();
        let at_rest = key.changed_at() < now - RACY_SECONDS;
        if let Some(entry) = page.entry(place)
            && at_rest
            && key.device() == self.about.root.0
        {
            entry.next = Next::Hashed(Record { key: *key, digest, hashed_at: now });
        }
    }

    /// Puts what changed of a page into the next index.
    pub fn remember(&self, page: &Page) {
        if page.entries.iter().all(Entry::stays) {
            return;
        }
        let mut bytes = Vec::new();
        let Some(next) = self.next.get_or_init(|| self.begin()) else { return };
        for run in page.entries.chunk_by(|a, b| a.place + 1 == b.place) {
            bytes.clear();
            for entry in run {
                bytes.extend_from_slice(&entry.bytes());
            }
            if let Err(why) = next.as_file().write_all_at(&bytes, index::offset(run[0].place)) {
                // What is there then is an earlier record, or none: either is true.
                self.caches.note(&self.name, &why);
            }
        }
    }

    fn begin(&self) -> Option<NamedTempFile> {
        let made = tempfile::Builder::new().prefix(".hashes-").tempfile_in(&self.caches.folder);
        let begun = made.and_then(|mut next| {
            if let Some(earlier) = &self.earlier {
                earlier.copy_to(next.as_file_mut())?;
            }
            Ok(next)
        });
        begun.map_err(|why| self.caches.note(&self.name, &why)).ok()
    }

    /// Puts the new index into its place. What fails here changes no verdict.
    pub fn finish(self) {
        let Some(Some(mut next)) = self.next.into_inner() else { return };
        let sealed = index::seal(next.as_file_mut(), &self.about, self.caches.now());
        let placed = sealed.and_then(|()| next.persist(&self.path).map(drop).map_err(Into::into));
        if let Err(why) = placed {
            self.caches.note(&self.name, &why);
        }
    }

    /// Every entry shall be hashed once in a period: of the time since the index was written that is this share, oldest
    /// first. Soon after it was written there are no ages, and it is nobody's turn: nothing has to be written then.
    fn choose_due(&mut self) -> u64 {
        let now = self.caches.now();
        let Some(earlier) = &mut self.earlier else { return 0 };
        let mut ages = std::mem::take(&mut earlier.ages);
        let since = u128::try_from(now.saturating_sub(earlier.written_at)).unwrap_or_default();
        let period = u128::try_from(self.caches.rehash_seconds()).unwrap_or_default().max(1);
        let turn = (ages.len() as u128 * since).div_ceil(period);
        let Ok(turn @ 1..) = usize::try_from(turn) else { return 0 };
        if turn >= ages.len() {
            return u64::MAX;
        }
        *ages.select_nth_unstable(turn).1
    }
}

impl Entry {
    /// Does it stand in the index already as it shall?
    fn stays(&self) -> bool {
        match self.next {
            Next::Nothing => self.earlier.is_none(),
            Next::Earlier => true,
            Next::Hashed(record) => self.earlier == Some(record),
        }
    }

    /// What stands in the next index.
    fn bytes(&self) -> [u8; RECORD_BYTES] {
        let record = match self.next {
            Next::Nothing => None,
            Next::Earlier => self.earlier,
            Next::Hashed(record) => Some(record),
        };
        record.map_or([0; RECORD_BYTES], |record| record.bytes())
    }
}

impl Page {
    fn entry(&mut self, place: usize) -> Option<&mut Entry> {
        let at = self.entries.binary_search_by_key(&place, |entry| entry.place).ok()?;
        self.entries.get_mut(at)
    }
}

/// Makes the folder, makes sure that nobody else can put anything there, and says which boot this is.
fn prepare(folder: &Path) -> Result<Digest, String> {
    const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";
    let outcome = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    let there =
        outcome.and_then(|()| std::fs::symlink_metadata(folder)).map_err(|e| e.to_string())?;
    let (uid, mode) = (there.uid(), there.mode() & 0o7777);
    if !there.is_dir() || uid != rustix::process::geteuid().as_raw() || mode & 0o022 != 0 {
        return Err(format!(
            "it has to be a folder that belongs to who runs this, and that others cannot write \
             (it belongs to user {uid}, its mode is {mode:04o})"
        ));
    }
    let boot = std::fs::read(BOOT_ID).map_err(|e| format!("{BOOT_ID}: {e}"))?;
    Ok(Digest::of(&boot))
}
