//! Objects of a repository piece by piece, loose or packed: libgit2 unpacks a packed one as a whole.
//!
//! What is not found here, or not in a form that can be read so, is left to libgit2: other stores (`alternates`), long
//! chains of deltas, deltas that jump about. Whoever reads makes the id of the bytes again; nothing of it is verified here.

use std::fs::File;
use std::io::{BufReader, Error, ErrorKind, Read, Result};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flate2::bufread::ZlibDecoder;
use git2::Oid;

use super::tree::FILE_BYTES_MAX;

/// What is read at once of compressed bytes.
const PIECE_BYTES: usize = 32 << 10;
/// More files than this are not looked at for a pack.
const FILES_MAX: usize = 4096;
/// A longer chain of deltas is not followed; git makes none of more than 50 by itself.
const CHAIN_MAX: usize = 50;
/// How often a delta may go back to an earlier place of its base, which is read anew then.
const JUMPS_MAX: u64 = 8;
/// The longest beginning of a loose object.
const HEADER_BYTES_MAX: u64 = 32;

/// The bytes of a blob of `size` bytes; `None` where libgit2 has to be asked.
pub(super) fn reader(objects: &Path, id: Oid, size: u64) -> Option<Box<dyn Read>> {
    let found = loose(objects, id, size).or_else(|_| packed(objects, id, size)).ok()?;
    Arc::new(found).reader().ok()
}

/// How the bytes of a blob are made.
enum Stored {
    /// A zlib stream, whose first bytes are no part of it.
    Whole { place: At, skip: u64 },
    /// Instructions that put it together from pieces of another blob.
    Delta { base: Arc<Self>, delta: At },
}

impl Stored {
    fn reader(self: &Arc<Self>) -> Result<Box<dyn Read>> {
        match &**self {
            Self::Whole { place, skip } => {
                let mut bytes = place.inflated();
                pass(&mut bytes, *skip)?;
                Ok(Box::new(bytes))
            }
            Self::Delta { base, delta } => Ok(Box::new(Patched::new(base, delta)?)),
        }
    }
}

/// A place in a file.
#[derive(Clone)]
struct At {
    file: Arc<File>,
    offset: u64,
}

impl At {
    /// What the zlib stream that begins here says.
    fn inflated(&self) -> ZlibDecoder<BufReader<Self>> {
        ZlibDecoder::new(BufReader::with_capacity(PIECE_BYTES, self.clone()))
    }

    /// The place that `bytes` before this one is.
    fn back(&self, bytes: u64) -> Result<Self> {
        let offset = self.offset.checked_sub(bytes).ok_or_else(broken)?;
        Ok(Self { file: Arc::clone(&self.file), offset })
    }
}

impl Read for At {
    fn read(&mut self, into: &mut [u8]) -> Result<usize> {
        let bytes = self.file.read_at(into, self.offset)?;
        self.offset += bytes as u64;
        Ok(bytes)
    }
}

fn broken() -> Error {
    ErrorKind::InvalidData.into()
}

fn not_here() -> Error {
    ErrorKind::NotFound.into()
}

/// Reads bytes that nobody wants; fewer than that are an error.
fn pass(from: &mut dyn Read, bytes: u64) -> Result<()> {
    let passed = std::io::copy(&mut from.take(bytes), &mut std::io::sink())?;
    if passed == bytes { Ok(()) } else { Err(ErrorKind::UnexpectedEof.into()) }
}

fn byte(from: &mut dyn Read) -> Result<u8> {
    let mut byte = [0];
    from.read_exact(&mut byte)?;
    Ok(byte[0])
}

/// The place of a loose object: `blob SIZE`, a zero, and its bytes, all in one zlib stream.
fn loose(objects: &Path, id: Oid, size: u64) -> Result<Stored> {
    let name = id.to_string();
    let file = File::open(objects.join(&name[..2]).join(&name[2..]))?;
    let place = At { file: Arc::new(file), offset: 0 };
    let wanted = format!("blob {size}\0");
    let mut header = vec![0; wanted.len()];
    place.inflated().take(HEADER_BYTES_MAX).read_exact(&mut header)?;
    let skip = wanted.len() as u64;
    if header == wanted.as_bytes() { Ok(Stored::Whole { place, skip }) } else { Err(broken()) }
}

/// The place of an object in whichever pack has it.
fn packed(objects: &Path, id: Oid, size: u64) -> Result<Stored> {
    for entry in std::fs::read_dir(objects.join("pack"))?.take(FILES_MAX) {
        let index = entry?.path();
        if index.extension().is_none_or(|extension| extension != "idx") {
            continue;
        }
        if let Some(pack) = Pack::with(index, id)? {
            let at = pack.offset_of(id)?.ok_or_else(broken)?;
            return pack.stored(at, size, CHAIN_MAX);
        }
    }
    Err(not_here())
}

/// A pack beside its index, which is one of version 2.
struct Pack {
    index: File,
    /// How many objects there are.
    count: u64,
    objects: Arc<File>,
}

/// Where the names of objects begin in an index: after its head and a table of 256 numbers.
const NAMES: u64 = 8 + 256 * 4;
const NAME_BYTES: u64 = 20;
/// The name of an object: its id.
type Name = [u8; 20];
/// Kinds of objects in a pack: bytes of a file, a delta that says where its base is, and one that names it.
const BLOB: u8 = 3;
const DELTA_AT: u8 = 6;
const DELTA_OF: u8 = 7;

impl Pack {
    /// The pack of an index that has this object.
    fn with(index: PathBuf, id: Oid) -> Result<Option<Self>> {
        let pack = index.with_extension("pack");
        let index = File::open(index)?;
        let mut head = [0; 8];
        index.read_exact_at(&mut head, 0)?;
        if head != *b"\xfftOc\0\0\0\x02" {
            return Ok(None);
        }
        let count = u64::from(number(&index, NAMES - 4)?);
        let pack = Self { index, count, objects: Arc::new(File::open(pack)?) };
        Ok(pack.offset_of(id)?.map(|_| pack))
    }

    /// Where an object begins.
    fn offset_of(&self, id: Oid) -> Result<Option<u64>> {
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = low.midpoint(high);
            let mut name = Name::default();
            self.index.read_exact_at(&mut name, NAMES + middle * NAME_BYTES)?;
            match name.as_slice().cmp(id.as_bytes()) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return self.offset(middle).map(Some),
            }
        }
        Ok(None)
    }

    /// After the names there are their checksums, then their offsets; those that do not fit stand in a table of their own.
    fn offset(&self, nth: u64) -> Result<u64> {
        const ELSEWHERE: u32 = 1 << 31;
        let offsets = NAMES + self.count * (NAME_BYTES + 4);
        let offset = number(&self.index, offsets + nth * 4)?;
        if offset < ELSEWHERE {
            return Ok(offset.into());
        }
        let mut long = [0; 8];
        let nth = u64::from(offset & !ELSEWHERE);
        self.index.read_exact_at(&mut long, offsets + self.count * 4 + nth * 8)?;
        Ok(u64::from_be_bytes(long))
    }

    /// What stands at an offset of the pack: kind and size in a number of seven bits a byte, then where a delta has its base.
    fn stored(&self, offset: u64, size: u64, chain: usize) -> Result<Stored> {
        let start = At { file: Arc::clone(&self.objects), offset };
        let mut place = start.clone();
        let first = byte(&mut place)?;
        let kind = first >> 4 & 7;
        let long = if first & 0x80 == 0 { 0 } else { varint(&mut place)? };
        let own = long.checked_mul(16).ok_or_else(broken)? | u64::from(first & 15);
        let base = match kind {
            BLOB if own == size => return Ok(Stored::Whole { place, skip: 0 }),
            DELTA_AT if chain > 0 => start.back(distance(&mut place)?)?.offset,
            DELTA_OF if chain > 0 => {
                let mut id = Name::default();
                place.read_exact(&mut id)?;
                let id = Oid::from_bytes(&id).map_err(|_| broken())?;
                self.offset_of(id)?.ok_or_else(not_here)?
            }
            _ => return Err(broken()),
        };
        let (base_size, jumps) = survey(&mut place.inflated(), size)?;
        if base_size > FILE_BYTES_MAX {
            return Err(ErrorKind::FileTooLarge.into());
        }
        let base = Arc::new(self.stored(base, base_size, chain - 1)?);
        // A base that is a delta itself is followed anew as well.
        let too_often = matches!(*base, Stored::Delta { .. }) && jumps > 0;
        if jumps > JUMPS_MAX || too_often {
            return Err(ErrorKind::Unsupported.into());
        }
        Ok(Stored::Delta { base, delta: place })
    }
}

fn number(file: &File, at: u64) -> Result<u32> {
    let mut bytes = [0; 4];
    file.read_exact_at(&mut bytes, at)?;
    Ok(u32::from_be_bytes(bytes))
}

/// A number of seven bits a byte, the lowest first.
fn varint(from: &mut dyn Read) -> Result<u64> {
    let mut number = 0;
    for shift in (0..56).step_by(7) {
        let next = byte(from)?;
        number |= u64::from(next & 0x7f) << shift;
        if next & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(broken())
}

/// How far before a delta its base begins: the highest bits first, and no two ways to write a number.
fn distance(from: &mut dyn Read) -> Result<u64> {
    let mut number = 0_u64;
    for _ in 0..8 {
        let next = byte(from)?;
        number |= u64::from(next & 0x7f);
        if next & 0x80 == 0 {
            return Ok(number);
        }
        number = (number + 1) << 7;
    }
    Err(broken())
}

/// One instruction of a delta.
enum Step {
    /// So many bytes of the base, from there.
    Copy { from: u64, bytes: u64 },
    /// So many bytes that follow in the delta.
    Insert(u64),
}

impl Step {
    /// The next one; `None` at the end.
    fn read(delta: &mut dyn Read) -> Result<Option<Self>> {
        let mut first = [0];
        if delta.read(&mut first)? == 0 {
            return Ok(None);
        }
        let [first] = first;
        if first & 0x80 == 0 {
            // Zero is reserved.
            return if first == 0 { Err(broken()) } else { Ok(Some(Self::Insert(first.into()))) };
        }
        // Each bit says whether a byte of a number is there: four of the place, three of the length.
        let mut parts = [0_u64; 7];
        for (bit, part) in parts.iter_mut().enumerate() {
            if first >> bit & 1 == 1 {
                *part = byte(delta)?.into();
            }
        }
        let number = |parts: &[u64]| parts.iter().rev().fold(0, |high, low| high << 8 | low);
        let (from, bytes) = (number(&parts[..4]), number(&parts[4..]));
        // A length of zero would be of no use; it says 64 KiB.
        Ok(Some(Self::Copy { from, bytes: if bytes == 0 { 0x1_0000 } else { bytes } }))
    }
}

/// Goes through a delta that makes `size` bytes: the size of its base, and how often it goes back in it.
fn survey(delta: &mut dyn Read, size: u64) -> Result<(u64, u64)> {
    let (base, made) = (varint(delta)?, varint(delta)?);
    let (mut at, mut jumps, mut bytes_made) = (0, 0, 0);
    while let Some(step) = Step::read(delta)? {
        match step {
            Step::Copy { from, bytes } => {
                jumps += u64::from(from < at);
                at = from + bytes;
                bytes_made += bytes;
                if at > base {
                    return Err(broken());
                }
            }
            Step::Insert(bytes) => {
                pass(delta, bytes)?;
                bytes_made += bytes;
            }
        }
        if bytes_made > size {
            return Err(broken());
        }
    }
    if made == size && bytes_made == size { Ok((base, jumps)) } else { Err(broken()) }
}

/// A blob that a delta makes of another.
struct Patched {
    base: Arc<Stored>,
    bytes: Box<dyn Read>,
    /// How much of the base was read.
    at: u64,
    delta: ZlibDecoder<BufReader<At>>,
    /// What is left of the instruction.
    step: Step,
}

impl Patched {
    fn new(base: &Arc<Stored>, delta: &At) -> Result<Self> {
        let mut delta = delta.inflated();
        for _sizes in 0..2 {
            varint(&mut delta)?;
        }
        let (bytes, base) = (base.reader()?, Arc::clone(base));
        Ok(Self { base, bytes, at: 0, delta, step: Step::Insert(0) })
    }

    /// Goes to a place of the base; to one before this only by reading it anew.
    fn go_to(&mut self, place: u64) -> Result<()> {
        if place < self.at {
            (self.bytes, self.at) = (self.base.reader()?, 0);
        }
        pass(&mut self.bytes, place - self.at)?;
        self.at = place;
        Ok(())
    }
}

impl Read for Patched {
    fn read(&mut self, into: &mut [u8]) -> Result<usize> {
        loop {
            let (source, left): (&mut dyn Read, _) = match &mut self.step {
                Step::Copy { bytes: 0, .. } | Step::Insert(0) => {
                    let Some(step) = Step::read(&mut self.delta)? else { return Ok(0) };
                    if let Step::Copy { from, .. } = step {
                        self.go_to(from)?;
                    }
                    self.step = step;
                    continue;
                }
                Step::Copy { bytes, .. } => (&mut self.bytes, bytes),
                Step::Insert(bytes) => (&mut self.delta, bytes),
            };
            let read = source.take(*left).read(into)?;
            if read == 0 && !into.is_empty() {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            *left -= read as u64;
            if matches!(self.step, Step::Copy { .. }) {
                self.at += read as u64;
            }
            return Ok(read);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::fs;

    use git2::Repository;

    use super::*;

    /// A list of hashes as it could be, long enough for deltas to be worth while.
    fn list(seed: u64) -> Vec<u8> {
        let mut text = String::new();
        for line in 0..30_000_u64 {
            let seed = if line % 1000 == 7 { seed } else { 0 };
            let digest = crate::model::Digest::of(&[line, seed].map(u64::to_le_bytes).concat());
            writeln!(text, "{digest}  folder/{line:06}").expect("a line");
        }
        text.into_bytes()
    }

    fn read(objects: &Path, id: Oid, bytes: &[u8]) -> Option<bool> {
        let mut reader = reader(objects, id, bytes.len() as u64)?;
        let mut read = Vec::new();
        reader.read_to_end(&mut read).ok()?;
        Some(read == bytes)
    }

    /// How many deltas have to be followed for it; `None` where it is not in a pack.
    fn chain(objects: &Path, id: Oid, size: u64) -> Option<usize> {
        let mut found = &packed(objects, id, size).ok()?;
        let mut deltas = 0;
        while let Stored::Delta { base, .. } = found {
            (found, deltas) = (base, deltas + 1);
        }
        Some(deltas)
    }

    #[test]
    fn objects_are_read_loose_and_packed_and_as_deltas() {
        let folder = tempfile::tempdir().expect("a folder");
        let repository = Repository::init_bare(folder.path()).expect("a repository");
        let objects = folder.path().join("objects");
        let versions: Vec<Vec<u8>> = (1..5).map(list).collect();
        let ids = versions.iter().map(|bytes| repository.blob(bytes).expect("an object"));
        let ids: Vec<Oid> = ids.collect();
        let all = |chains: &[Option<usize>]| {
            for (id, bytes) in ids.iter().zip(&versions) {
                assert_eq!(read(&objects, *id, bytes), Some(true));
                assert_eq!(read(&objects, *id, &bytes[1..]), None, "another size is none of ours");
            }
            let size = |bytes: &Vec<u8>| bytes.len() as u64;
            let found = ids.iter().zip(&versions);
            let mut found: Vec<_> = found.map(|(id, b)| chain(&objects, *id, size(b))).collect();
            found.sort_unstable();
            assert_eq!(found.first(), chains.first());
            assert_eq!(found.iter().max() > Some(&Some(0)), chains.len() > 1);
        };
        all(&[None]);
        // libgit2 writes deltas that name their base.
        let mut pack = git2::Buf::new();
        let mut builder = repository.packbuilder().expect("a pack");
        for id in &ids {
            builder.insert_object(*id, Some("list")).expect("put in");
        }
        builder.write_buf(&mut pack).expect("packed");
        let store = repository.odb().expect("a store");
        let mut writer = store.packwriter().expect("a writer");
        std::io::Write::write_all(&mut writer, &pack).expect("written");
        writer.commit().expect("indexed");
        for id in ids.iter().map(Oid::to_string) {
            fs::remove_file(objects.join(&id[..2]).join(&id[2..])).expect("removed");
        }
        all(&[Some(0), Some(1)]);
        // Git writes deltas that say how far before them their base is.
        for (id, name) in ids.iter().zip(1..) {
            repository.reference(&format!("refs/x/{name}"), *id, false, "").expect("a ref");
        }
        let repack = ["repack", "-a", "-d", "-f", "--quiet"];
        crate::desired::mirror::git(folder.path(), "none", &repack).expect("packed by git");
        all(&[Some(0), Some(1)]);
    }

    /// A delta of these instructions, uncompressed.
    fn delta(base: u8, size: u8, steps: &[u8]) -> Vec<u8> {
        [&[base, size], steps].concat()
    }

    #[test]
    fn a_delta_is_surveyed_before_it_is_used() {
        let survey = |bytes: &[u8]| survey(&mut { bytes }, 6).map_err(|error| error.kind());
        // Three bytes from the fourth, then three from the first: once back.
        let jumping = [0x91, 3, 3, 0x90, 3];
        assert_eq!(survey(&delta(9, 6, &jumping)), Ok((9, 1)));
        assert_eq!(survey(&delta(9, 6, &[0x90, 3, 3, b'a', b'b', b'c'])), Ok((9, 0)));
        let broken = Err(ErrorKind::InvalidData);
        assert_eq!(survey(&delta(5, 6, &jumping)), broken, "beyond its base");
        assert_eq!(survey(&delta(9, 5, &jumping)), broken, "another size");
        assert_eq!(survey(&delta(9, 6, &[0x90, 3])), broken, "too short");
        assert_eq!(survey(&delta(9, 6, &[0x90, 9])), broken, "too long");
        assert_eq!(survey(&delta(9, 6, &[0])), broken, "reserved");
        let torn = Err(ErrorKind::UnexpectedEof);
        assert_eq!(survey(&delta(9, 6, &[6, b'a'])), torn);
        assert_eq!(survey(&delta(9, 6, &[0x91, 3])), torn);
        assert_eq!(survey(&[0x80; 20]), broken, "a number without an end");
    }

    #[test]
    fn a_distance_has_one_form() {
        assert_eq!(distance(&mut [0x7f].as_slice()).ok(), Some(127));
        // What a shorter form says already, a longer one does not say again.
        assert_eq!(distance(&mut [0x81, 0].as_slice()).ok(), Some(256));
        assert_eq!(distance(&mut [0x80, 0].as_slice()).ok(), Some(128));
        assert!(distance(&mut [0x80; 9].as_slice()).is_err());
    }
}
