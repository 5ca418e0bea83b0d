//! The file of one tree's cache: a header, then one record for each name of the list, in its order.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use rustix::fs::OFlags;
use sha2::Digest as _;

use super::record::{RECORD_BYTES, Record};
use crate::model::Digest;

const MAGIC: &[u8; 16] = b"countersign.hash";
const VERSION: u32 = 1;
/// Magic, version, bytes of a record, four words, three digests.
pub(super) const HEADER_BYTES: usize = 16 + 4 + 4 + 4 * 8 + 3 * 32;
/// Where the checksum stands: at the end of the header.
const CHECKSUM_AT: usize = HEADER_BYTES - 32;
/// Read at once while the checksum is verified: whole records.
const CHUNK_BYTES: usize = RECORD_BYTES * 680;

/// What a cache is about. All of it must be the same for the records to count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct About {
    pub(super) manifest: Digest,
    pub(super) boot: Digest,
    pub(super) root: (u64, u64),
    pub(super) entries: u64,
}

/// Why an index is not used. The first is ordinary; the others are worth a word.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unusable {
    #[error("it is about something else")]
    Other,
    #[error("its owner or mode lets others at it; its owner is user {uid}, its mode {mode:04o}")]
    Exposed { uid: u32, mode: u32 },
    #[error("it is damaged")]
    Damaged,
    #[error("it is from the future; the clock was set back")]
    Future,
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// An index that was verified.
#[derive(Debug)]
pub(super) struct Index {
    file: File,
    pub(super) written_at: i64,
    /// When each file was hashed, with its place behind it, so that they sort oldest first; only where it was asked.
    pub(super) ages: Vec<u64>,
}

/// As many places as an age has room for.
const PLACE_BITS: u32 = 24;

/// An age for [`Index::ages`].
pub(super) fn age(hashed_at: i64, place: u64) -> u64 {
    u64::try_from(hashed_at).unwrap_or_default() << PLACE_BITS | place
}

impl About {
    fn header(&self, written_at: i64, checksum: Digest) -> [u8; HEADER_BYTES] {
        let record = u32::try_from(RECORD_BYTES).unwrap_or_default();
        let (device, inode) = self.root;
        let words = [self.entries, device, inode, written_at.cast_unsigned()];
        let mut header = Vec::with_capacity(HEADER_BYTES);
        header.extend_from_slice(MAGIC);
        header.extend([VERSION, record].iter().flat_map(|half| half.to_le_bytes()));
        header.extend(words.iter().flat_map(|word| word.to_le_bytes()));
        for digest in [self.manifest, self.boot, checksum] {
            header.extend_from_slice(digest.as_bytes());
        }
        let mut bytes = [0; HEADER_BYTES];
        bytes.copy_from_slice(&header);
        bytes
    }
}

impl Index {
    /// Opens and verifies; `None` when there is none. Ages are read of an index that was written `pause` seconds ago or more.
    pub(super) fn open(
        path: &Path,
        about: &About,
        now: i64,
        pause: i64,
    ) -> Result<Option<Self>, Unusable> {
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let mut options = File::options();
        let mut file = match options.read(true).custom_flags(flags.bits().cast_signed()).open(path)
        {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let meta = file.metadata()?;
        let (uid, mode) = (meta.uid(), meta.mode() & 0o7777);
        if uid != rustix::process::geteuid().as_raw() || mode & 0o077 != 0 {
            return Err(Unusable::Exposed { uid, mode });
        }
        let mut header = [0; HEADER_BYTES];
        if !meta.is_file() || meta.len() < HEADER_BYTES as u64 {
            return Err(Unusable::Damaged);
        }
        file.read_exact(&mut header)?;
        let word = |at: usize| header[at..at + 8].try_into().map_or(0, u64::from_le_bytes);
        let written_at = word(48).cast_signed();
        let checksum = header[CHECKSUM_AT..].try_into().map_or(Digest::of(b""), Digest::from_bytes);
        if header != about.header(written_at, checksum) {
            return Err(if header.starts_with(MAGIC) {
                Unusable::Other
            } else {
                Unusable::Damaged
            });
        }
        if meta.len() != length(about.entries) {
            return Err(Unusable::Damaged);
        }
        if written_at > now {
            return Err(Unusable::Future);
        }
        let mut ages = Vec::new();
        let unsigned = about.header(written_at, Digest::from_bytes([0; 32]));
        let wanted = now - written_at >= pause;
        let sum = sum(&mut file, &unsigned, &mut |place, record| {
            if wanted && let Some(Record { hashed_at, .. }) = Record::read(record) {
                ages.push(age(hashed_at, place));
            }
        })?;
        if sum != checksum {
            return Err(Unusable::Damaged);
        }
        Ok(Some(Self { file, written_at, ages }))
    }

    /// Copies all of it into a new file, to be changed there.
    pub(super) fn copy_to(&self, next: &mut File) -> io::Result<()> {
        use std::io::{Seek as _, SeekFrom};
        let mut file = &self.file;
        file.seek(SeekFrom::Start(0))?;
        io::copy(&mut file, next).map(drop)
    }

    /// The records from `place` on, as they stand in the file.
    pub(super) fn read(&self, place: usize, bytes: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(bytes, offset(place))
    }
}

/// Closes a new index: header and checksum over all that was written.
pub(super) fn seal(file: &mut File, about: &About, written_at: i64) -> io::Result<()> {
    use std::io::{Seek as _, SeekFrom};
    // Where nothing is remembered, nothing was written.
    file.set_len(length(about.entries))?;
    file.seek(SeekFrom::Start(HEADER_BYTES as u64))?;
    let unsigned = about.header(written_at, Digest::from_bytes([0; 32]));
    let checksum = sum(file, &unsigned, &mut |_, _| {})?;
    file.write_all_at(&about.header(written_at, checksum), 0)
}

/// Hashes the header and every record of a file that stands behind its header.
fn sum(
    file: &mut File,
    header: &[u8],
    each: &mut dyn FnMut(u64, &[u8; RECORD_BYTES]),
) -> io::Result<Digest> {
    let mut hasher = sha2::Sha256::new();
    hasher.update(header);
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut place = 0;
    loop {
        let mut filled = 0;
        while filled < chunk.len() {
            match file.read(&mut chunk[filled..])? {
                0 => break,
                count => filled += count,
            }
        }
        if filled == 0 {
            return Ok(Digest::from_bytes(hasher.finalize().into()));
        }
        hasher.update(&chunk[..filled]);
        for bytes in chunk[..filled].as_chunks::<RECORD_BYTES>().0 {
            each(place, bytes);
            place += 1;
        }
    }
}

/// Where the record at `place` stands.
pub(super) const fn offset(place: usize) -> u64 {
    (HEADER_BYTES + place * RECORD_BYTES) as u64
}

const fn length(entries: u64) -> u64 {
    HEADER_BYTES as u64 + entries * RECORD_BYTES as u64
}
