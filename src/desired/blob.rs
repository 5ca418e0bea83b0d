//! The bytes of one file of desired state: in memory while they are few, read where they lie while they are many.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha1::Digest as _;

use super::SourceError;
use super::git::Object;
use super::tree::FILE_BYTES_MAX;
use crate::model::Pieces;

/// Of a larger file only the place is kept: it is a list of hashes, which is read once.
const HELD_BYTES_MAX: u64 = 1 << 20;
/// What is read at once.
const PIECE_BYTES: usize = 128 << 10;

/// One file of desired state.
#[derive(Debug, Clone)]
pub struct Blob {
    size: u64,
    place: Place,
}

#[derive(Debug, Clone)]
enum Place {
    Memory(Arc<[u8]>),
    Folder(Arc<Lying>),
    Repository(Arc<Object>),
}

/// A file of a folder, as it was when the folder was read.
#[derive(Debug, PartialEq, Eq)]
struct Lying {
    path: PathBuf,
    stamp: Stamp,
}

/// What a write or a replacement moves.
#[derive(Debug, PartialEq, Eq)]
struct Stamp {
    file: (u64, u64),
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(file: &File) -> std::io::Result<Self> {
        let meta = file.metadata()?;
        Ok(Self {
            file: (meta.dev(), meta.ino()),
            size: meta.len(),
            modified: (meta.mtime(), meta.mtime_nsec()),
            changed: (meta.ctime(), meta.ctime_nsec()),
        })
    }
}

impl Blob {
    /// A regular file of a folder; `allow` refuses one by its size.
    pub(super) fn lying(
        path: &Path,
        allow: impl FnOnce(u64) -> Result<(), SourceError>,
    ) -> Result<Self, SourceError> {
        let failed = |source| SourceError::Read { path: path.to_owned(), source };
        let file = open(path).map_err(failed)?;
        let stamp = Stamp::of(&file).map_err(failed)?;
        allow(stamp.size)?;
        if stamp.size > HELD_BYTES_MAX {
            let size = stamp.size;
            let lying = Lying { path: path.to_owned(), stamp };
            return Ok(Self { size, place: Place::Folder(Arc::new(lying)) });
        }
        let mut bytes = Vec::with_capacity(usize::try_from(stamp.size).unwrap_or(0) + 1);
        file.take(FILE_BYTES_MAX).read_to_end(&mut bytes).map_err(failed)?;
        Ok(bytes.as_slice().into())
    }

    /// An object of a repository, unless it is better read at once.
    pub(super) fn object(size: u64, object: Object) -> Option<Self> {
        let place = Place::Repository(Arc::new(object));
        (size > HELD_BYTES_MAX).then_some(Self { size, place })
    }

    /// All its bytes.
    ///
    /// # Errors
    /// See [`Pieces::each`].
    pub fn read(&self) -> Result<Arc<[u8]>, String> {
        if let Place::Memory(bytes) = &self.place {
            return Ok(Arc::clone(bytes));
        }
        let mut bytes = Vec::with_capacity(usize::try_from(self.size).unwrap_or(0));
        self.each(&mut |piece| bytes.extend_from_slice(piece))?;
        Ok(bytes.into())
    }

    /// Are these its bytes? What cannot be read is nothing.
    #[must_use]
    pub fn is(&self, bytes: &[u8]) -> bool {
        self.size == bytes.len() as u64 && self.read().is_ok_and(|own| *own == *bytes)
    }

    /// Is `other` the same, byte for byte? An object of a repository is another one when its id is.
    pub(super) fn equals(&self, other: &Self) -> bool {
        self.size == other.size
            && match (&self.place, &other.place) {
                (Place::Repository(object), _) => object.id_is(other),
                (_, Place::Repository(object)) => object.id_is(self),
                (Place::Folder(a), Place::Folder(b)) => a == b,
                (Place::Memory(bytes), _) => other.is(bytes),
                (_, Place::Memory(bytes)) => self.is(bytes),
            }
    }
}

impl From<&[u8]> for Blob {
    fn from(bytes: &[u8]) -> Self {
        Self { size: bytes.len() as u64, place: Place::Memory(bytes.into()) }
    }
}

impl Pieces for Blob {
    fn size(&self) -> u64 {
        self.size
    }

    fn each(&self, take: &mut dyn FnMut(&[u8])) -> Result<(), String> {
        match &self.place {
            Place::Memory(bytes) => bytes.each(take),
            Place::Folder(lying) => lying.each(take),
            Place::Repository(object) => object.each(self.size, take),
        }
    }
}

impl Lying {
    fn each(&self, take: &mut dyn FnMut(&[u8])) -> Result<(), String> {
        let failed = |error| format!("{} cannot be read: {error}", self.path.display());
        let changed = || format!("{} changed while it was read", self.path.display());
        let mut file = open(&self.path).map_err(failed)?;
        if Stamp::of(&file).map_err(failed)? != self.stamp {
            return Err(changed());
        }
        let bytes = each_piece(&mut file, take).map_err(failed)?;
        let after = Stamp::of(&file).map_err(failed)?;
        if after == self.stamp && bytes == after.size { Ok(()) } else { Err(changed()) }
    }
}

/// Reads to the end, and says how many bytes there were.
pub(super) fn each_piece(from: &mut dyn Read, take: &mut dyn FnMut(&[u8])) -> std::io::Result<u64> {
    let (mut piece, mut bytes) = (vec![0; PIECE_BYTES], 0);
    loop {
        match from.read(&mut piece) {
            Ok(0) => return Ok(bytes),
            Ok(length) => {
                bytes += length as u64;
                take(&piece[..length]);
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Makes the id that git gives to the content of a file, while it is read.
pub(super) struct Identity(sha1::Sha1);

impl Identity {
    pub(super) fn of_size(size: u64) -> Self {
        Self(sha1::Sha1::new_with_prefix(format!("blob {size}\0")))
    }

    pub(super) fn add(&mut self, piece: &[u8]) {
        self.0.update(piece);
    }

    pub(super) fn is(self, id: git2::Oid) -> bool {
        self.0.finalize().as_slice() == id.as_bytes()
    }
}

/// Opens what is no link, and does not wait for a pipe.
fn open(path: &Path) -> std::io::Result<File> {
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    File::options().read(true).custom_flags(flags.bits().cast_signed()).open(path)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use git2::{ObjectType, Repository};

    use super::*;

    /// Long enough not to be kept.
    fn long() -> Vec<u8> {
        (0..300_000_u32).flat_map(u32::to_le_bytes).collect()
    }

    fn lying(path: &Path) -> Blob {
        Blob::lying(path, |_| Ok(())).expect("a file")
    }

    #[test]
    fn a_long_file_is_read_where_it_lies_and_only_as_it_was() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("list");
        fs::write(&path, long()).expect("written");
        let blob = lying(&path);
        assert!(matches!(blob.place, Place::Folder(_)) && blob.is(&long()));
        assert_eq!(blob.read().map(|bytes| bytes.to_vec()), Ok(long()));
        assert!(blob.equals(&blob.clone()) && !blob.is(b""));
        // The same bytes in another file, and other bytes of the same number.
        fs::write(folder.path().join("other"), long()).expect("written");
        fs::rename(folder.path().join("other"), &path).expect("renamed");
        assert!(blob.read().expect_err("another file").contains("changed while it was read"));
        let blob = lying(&path);
        let longer = [&long()[..], b"more"].concat();
        let read = blob.each(&mut |_| fs::write(&path, &longer).expect("written"));
        assert!(read.expect_err("written to meanwhile").contains("changed while it was read"));
        assert!(blob.read().expect_err("written to before").contains("changed while it was read"));
        fs::remove_file(&path).expect("removed");
        assert!(blob.read().expect_err("removed").contains("cannot be read"));
        std::os::unix::fs::symlink("elsewhere", &path).expect("a link");
        assert!(Blob::lying(&path, |_| Ok(())).is_err(), "no link is followed");
        let refused = |_| Err(SourceError::Unnamed);
        fs::write(folder.path().join("short"), b"abc").expect("written");
        let short = folder.path().join("short");
        assert!(matches!(Blob::lying(&short, refused), Err(SourceError::Unnamed)));
        assert!(matches!(lying(&short).place, Place::Memory(_)));
    }

    #[test]
    fn an_object_is_the_same_loose_and_packed_and_no_other() {
        let folder = tempfile::tempdir().expect("a folder");
        let repository = Repository::init_bare(folder.path()).expect("a repository");
        let id = repository.blob(&long()).expect("an object");
        let size = long().len() as u64;
        let object = |id| {
            let object = Object::new(&repository, id);
            Blob::object(size, object).expect("a long one")
        };
        let loose = folder.path().join("objects").join(&id.to_string()[..2]);
        let loose = loose.join(&id.to_string()[2..]);
        assert!(loose.exists() && object(id).is(&long()));
        fs::write(folder.path().join("list"), long()).expect("written");
        let same = lying(&folder.path().join("list"));
        assert!(object(id).equals(&same) && same.equals(&object(id)));
        let mut other = long();
        other[9] ^= 1;
        fs::write(folder.path().join("list"), &other).expect("written");
        assert!(!object(id).equals(&lying(&folder.path().join("list"))));
        assert!(!object(id).equals(&same), "it is not any more what it was");
        let mut pack = git2::Buf::new();
        let mut builder = repository.packbuilder().expect("a pack");
        builder.insert_object(id, None).expect("put in");
        builder.write_buf(&mut pack).expect("packed");
        let store = repository.odb().expect("a store");
        // The content of another object under this id, as a damaged disk could leave it.
        let wrong = store.write(ObjectType::Blob, &other).expect("an object").to_string();
        let wrong = folder.path().join("objects").join(&wrong[..2]).join(&wrong[2..]);
        fs::remove_file(&loose).expect("removed");
        fs::rename(&wrong, &loose).expect("put there");
        let refused = object(id).read().expect_err("another content");
        assert!(refused.contains("its content has another id"), "{refused}");
        fs::write(&loose, b"garbled").expect("written");
        assert!(object(id).read().is_err());
        fs::remove_file(&loose).expect("removed");
        assert!(object(id).read().expect_err("nowhere").contains("cannot be read"));
        let mut writer = store.packwriter().expect("a writer");
        std::io::Write::write_all(&mut writer, &pack).expect("written");
        writer.commit().expect("indexed");
        assert!(!loose.exists() && object(id).is(&long()), "from the pack");
    }
}
