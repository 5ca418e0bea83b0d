//! One file as the cache remembers it, in 96 bytes.

use crate::model::Digest;

/// How many bytes a record takes.
pub(super) const RECORD_BYTES: usize = 96;
const WORDS: usize = 6;

/// What must be as it was for a remembered digest to count.
///
/// The time of the last change of the inode (`ctime`) carries the weight: it moves with every write that goes through a
/// system call, and setting it takes the clock or the block device. The rest tells files apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    device: u64,
    inode: u64,
    size: u64,
    mtime_ns: i64,
    ctime_ns: i64,
    mode: u32,
    uid: u32,
    gid: u32,
    links: u32,
}

impl Key {
    /// The key of a file; `None` for one whose times or number of links have no place in a record.
    #[must_use]
    pub fn of(stat: &rustix::fs::Stat) -> Option<Self> {
        Some(Self {
            device: stat.st_dev,
            inode: stat.st_ino,
            size: u64::try_from(stat.st_size).ok()?,
            mtime_ns: nanoseconds(stat.st_mtime, stat.st_mtime_nsec)?,
            ctime_ns: nanoseconds(stat.st_ctime, stat.st_ctime_nsec)?,
            mode: stat.st_mode,
            uid: stat.st_uid,
            gid: stat.st_gid,
            links: u32::try_from(stat.st_nlink).ok()?,
        })
    }

    pub(super) const fn device(&self) -> u64 {
        self.device
    }

    /// When the inode was changed last, in whole seconds.
    pub(super) const fn changed_at(&self) -> i64 {
        self.ctime_ns.div_euclid(1_000_000_000)
    }
}

fn nanoseconds(seconds: i64, fraction: impl TryInto<i64>) -> Option<i64> {
    seconds.checked_mul(1_000_000_000)?.checked_add(fraction.try_into().ok()?)
}

/// A file that was hashed once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) key: Key,
    pub(super) digest: Digest,
    /// Seconds since 1970; never 0.
    pub(super) hashed_at: i64,
}

impl Record {
    pub(super) fn bytes(&self) -> [u8; RECORD_BYTES] {
        let Key { device, inode, size, mtime_ns, ctime_ns, mode, uid, gid, links } = self.key;
        let times = [self.hashed_at, mtime_ns, ctime_ns].map(i64::cast_unsigned);
        let [hashed_at, mtime, ctime] = times;
        let mut bytes = [0; RECORD_BYTES];
        let words = [hashed_at, device, inode, size, mtime, ctime];
        for (place, word) in bytes.chunks_exact_mut(8).zip(words) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        for (place, half) in bytes[WORDS * 8..].chunks_exact_mut(4).zip([mode, uid, gid, links]) {
            place.copy_from_slice(&half.to_le_bytes());
        }
        bytes[64..].copy_from_slice(self.digest.as_bytes());
        bytes
    }

    /// `None` where nothing is remembered.
    pub(super) fn read(bytes: &[u8; RECORD_BYTES]) -> Option<Self> {
        let mut words = [0_u64; WORDS];
        for (word, place) in words.iter_mut().zip(bytes.chunks_exact(8)) {
            *word = u64::from_le_bytes(place.try_into().ok()?);
        }
        let mut halves = [0_u32; 4];
        for (half, place) in halves.iter_mut().zip(bytes[WORDS * 8..].chunks_exact(4)) {
            *half = u32::from_le_bytes(place.try_into().ok()?);
        }
        let [hashed_at, device, inode, size, mtime, ctime] = words;
        let [mode, uid, gid, links] = halves;
        let [hashed_at, mtime_ns, ctime_ns] = [hashed_at, mtime, ctime].map(u64::cast_signed);
        let digest = Digest::from_bytes(bytes[64..].try_into().ok()?);
        let key = Key { device, inode, size, mtime_ns, ctime_ns, mode, uid, gid, links };
        (hashed_at > 0).then_some(Self { key, digest, hashed_at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let stat = rustix::fs::stat("/").expect("a root");
        let key = Key::of(&stat).expect("plain times");
        let record = Record { key, digest: Digest::of(b"abc"), hashed_at: 7 };
        assert_eq!(Record::read(&record.bytes()), Some(record));
        assert_eq!(Record::read(&[0; RECORD_BYTES]), None);
        let mut older = stat;
        older.st_ctime -= 1;
        assert_ne!(Key::of(&older), Some(key));
        older.st_ctime = i64::MAX;
        assert_eq!(Key::of(&older), None, "a time that does not fit is no key");
    }
}
