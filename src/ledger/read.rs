//! Reading a ledger: entries that were verified, and the blobs that they name. Needs no lock, and changes nothing.
//!
//! A reader sees the ledger as it was when it was opened. What a writer appends meanwhile is not part of it.

use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use super::checkpoint::{self, Key, Signed};
use super::entry::{BLOB_BYTES_MAX, Entry};
use super::error::{Damage, LedgerError};
use super::merkle::{Frontier, Hash};
use super::names;
use super::verify::require_opening;
use super::walk::Walk;
use crate::model::Digest;

/// A ledger that was verified up to the end it had then.
#[derive(Debug, Clone)]
pub struct Reader {
    pub(super) dir: PathBuf,
    pub(super) key: Key,
    pub(super) size: u64,
    pub(super) root: Hash,
    pub(super) last: Option<Hash>,
    pub(super) checkpoint: Signed,
}

/// The entries of a ledger, in their order.
#[derive(Debug)]
pub struct Entries {
    walk: Option<Walk>,
    size: u64,
    last: Option<Hash>,
}

impl Reader {
    /// Verifies a ledger against its own newest checkpoint, and its chain beyond it.
    ///
    /// # Errors
    /// [`LedgerError::Damaged`] where it was changed, [`LedgerError::Untold`] where that cannot be told.
    pub fn open(dir: &Path) -> Result<Self, LedgerError> {
        Ok(Self::walked(dir, |_, _| ())?.0)
    }

    /// The same, with a look at each line's hash on the way; also answers what follows the last line.
    pub(super) fn walked(
        dir: &Path,
        mut seen: impl FnMut(&super::walk::Checked<'_>, u64),
    ) -> Result<(Self, Walk), LedgerError> {
        // Before the entries: a writer may append while they are read, and then signs more than was read.
        let key = key(dir)?;
        let checkpoint = newest(dir, &key)?;
        let wanted = &checkpoint.checkpoint;
        let damaged = |what: String| LedgerError::Damaged {
            path: dir.to_owned(),
            damage: Damage::new(names::CHECKPOINT, what),
        };
        let mut walk = Walk::start(dir)?;
        let mut reached = wanted.size == 0;
        loop {
            if walk.frontier().size() == wanted.size {
                reached = true;
                if walk.frontier().root() != wanted.root {
                    let what = "its root is not the one of the entries that it covers";
                    return Err(damaged(what.to_owned()));
                }
            }
            match walk.step()? {
                Some(checked) => {
                    if checked.seq == 0 {
                        require_opening(dir, &key, &checked)?;
                    }
                    seen(&checked, wanted.size);
                }
                None => break,
            }
        }
        let size = walk.frontier().size();
        if !reached {
            let what = format!("it covers {} entries, and there are {size}", wanted.size);
            return Err(damaged(what));
        }
        let (root, last) = (walk.frontier().root(), walk.last());
        Ok((Self { dir: dir.to_owned(), key, size, root, last, checkpoint }, walk))
    }

    /// Its folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Its public key, with its name.
    #[must_use]
    pub const fn key(&self) -> &Key {
        &self.key
    }

    /// How many entries it has.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The root of the tree over all of them.
    #[must_use]
    pub const fn root(&self) -> Hash {
        self.root
    }

    /// The newest checkpoint; it may cover fewer entries than there are.
    #[must_use]
    pub const fn checkpoint(&self) -> &Signed {
        &self.checkpoint
    }

    /// Its entries. Each is checked against the one before again, and the last against what was verified.
    ///
    /// # Errors
    /// When the folder cannot be read any more.
    pub fn entries(&self) -> Result<Entries, LedgerError> {
        Ok(Entries { walk: Some(Walk::start(&self.dir)?), size: self.size, last: self.last })
    }

    /// The root that it had when it was this large; `None` when it never was.
    ///
    /// # Errors
    /// As for the entries.
    pub fn root_at(&self, size: u64) -> Result<Option<Hash>, LedgerError> {
        if size > self.size {
            return Ok(None);
        }
        let mut frontier = Frontier::default();
        let mut entries = self.entries()?;
        while frontier.size() < size {
            let Some(entry) = entries.next() else { return Ok(None) };
            frontier.push(entry?.leaf);
        }
        Ok(Some(frontier.root()))
    }

    /// The bytes of a blob.
    ///
    /// # Errors
    /// When it is not there, or its bytes are not those that it is named after.
    pub fn blob(&self, digest: &Digest) -> Result<Vec<u8>, LedgerError> {
        blob(&self.dir, digest)
    }
}

impl Iterator for Entries {
    type Item = Result<Entry, LedgerError>;

    fn next(&mut self) -> Option<Self::Item> {
        let walk = self.walk.as_mut()?;
        if walk.frontier().size() == self.size {
            let same = walk.last() == self.last;
            let path = walk.dir().to_owned();
            self.walk = None;
            let damage = Damage::new("the last entry", "it was changed since it was verified");
            return (!same).then_some(Err(LedgerError::Damaged { path, damage }));
        }
        let path = walk.dir().to_owned();
        let next = match walk.step() {
            Ok(Some(checked)) => checked.entry().map_err(|why| LedgerError::Untold { path, why }),
            Ok(None) => {
                let damage = Damage::new("the end", "entries were removed since it was verified");
                Err(LedgerError::Damaged { path, damage })
            }
            Err(error) => Err(error),
        };
        if next.is_err() {
            self.walk = None;
        }
        Some(next)
    }
}

/// The bytes of a file of a ledger; `None` where there is none. Not through a link, and not more than `bytes_max`.
pub(super) fn file(path: &Path, bytes_max: usize) -> Result<Option<Vec<u8>>, LedgerError> {
    let failed = |source| LedgerError::Io { path: path.to_owned(), source };
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let opened = File::options().read(true).custom_flags(flags.bits().cast_signed()).open(path);
    let file = match opened {
        Ok(file) => file,
        // In a file there is none either.
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(failed(error)),
    };
    let mut bytes = Vec::new();
    let is_file = file.metadata().map_err(failed)?.is_file();
    file.take(bytes_max as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    if !is_file || bytes.len() > bytes_max {
        let why = format!("it is no regular file, or is larger than {bytes_max} bytes");
        return Err(failed(std::io::Error::other(why)));
    }
    Ok(Some(bytes))
}

/// The same as text.
pub(super) fn text(dir: &Path, name: &str) -> Result<Option<String>, LedgerError> {
    let Some(bytes) = file(&dir.join(name), checkpoint::NOTE_BYTES_MAX)? else { return Ok(None) };
    let damage = || Damage::new(name, "it is not UTF-8");
    let damaged = |_| LedgerError::Damaged { path: dir.to_owned(), damage: damage() };
    String::from_utf8(bytes).map(Some).map_err(damaged)
}

/// The public key of a ledger.
pub(super) fn key(dir: &Path) -> Result<Key, LedgerError> {
    let path = || dir.to_owned();
    let Some(text) = text(dir, names::KEY_PUB)? else {
        // A folder with segments and no key is a ledger all the same.
        return Err(if dir.join(names::segment(0)).exists() {
            LedgerError::Untold { path: path(), why: "its file `key.pub` is missing".to_owned() }
        } else {
            LedgerError::Missing { path: path() }
        });
    };
    let damaged = |error: checkpoint::NoteError| LedgerError::Damaged {
        path: path(),
        damage: Damage::new(names::KEY_PUB, error.to_string()),
    };
    let line = text.strip_suffix('\n').ok_or_else(|| damaged(checkpoint::NoteError::Key))?;
    line.parse().map_err(damaged)
}

/// The newest checkpoint of a ledger, its signature verified.
pub(super) fn newest(dir: &Path, key: &Key) -> Result<Signed, LedgerError> {
    let path = dir.to_owned();
    let Some(note) = text(dir, names::CHECKPOINT)? else {
        let why = "its newest checkpoint is missing; a checkpoint from outside can confirm it";
        return Err(LedgerError::Untold { path, why: why.to_owned() });
    };
    key.open(&note).map_err(|error| LedgerError::Damaged {
        path,
        damage: Damage::new(names::CHECKPOINT, error.to_string()),
    })
}

/// A blob, its digest verified.
pub(super) fn blob(dir: &Path, digest: &Digest) -> Result<Vec<u8>, LedgerError> {
    let (folders, name) = names::blob(digest);
    let path = folders.iter().fold(dir.to_owned(), |path, folder| path.join(folder)).join(&name);
    let damaged = |what: &str| LedgerError::Damaged {
        path: dir.to_owned(),
        damage: Damage::new(format!("blob {name}"), what),
    };
    let bytes = file(&path, BLOB_BYTES_MAX)?.ok_or_else(|| damaged("it is missing"))?;
    if Digest::of(&bytes) == *digest { Ok(bytes) } else { Err(damaged("its bytes are others")) }
}
