//! The keybox, `pubring.kbx`: blobs with a length and a type before them, of which some hold the packets of a key.
//!
//! The layout is described at the start of GnuPG's `kbx/keybox-blob.c`.

use sha1::Digest as _;

use super::packet::Cursor;
use super::{Fault, PACKETS_MAX};

const MAGIC: &[u8] = b"KBXf";
const DELETED: u8 = 0;
const HEADER: u8 = 1;
const OPENPGP: u8 = 2;
const X509: u8 = 3;
/// A SHA-1 over everything before it.
const CHECKSUM_BYTES: usize = 20;

/// Does this file begin as a keybox does?
pub(super) fn is_keybox(bytes: &[u8]) -> bool {
    bytes.get(4) == Some(&HEADER) && bytes.get(8..12) == Some(MAGIC)
}

/// Does its header say that GnuPG keeps OpenPGP keys in it?
pub(super) fn is_for_openpgp(bytes: &[u8]) -> bool {
    is_keybox(bytes) && bytes.get(7).is_some_and(|flags| flags & 2 != 0)
}

/// The packets of each key.
pub(super) fn keyblocks(bytes: &[u8]) -> Result<Vec<&[u8]>, Fault> {
    let mut rest = Cursor(bytes);
    let mut found = Vec::new();
    while !rest.is_empty() {
        let at = bytes.len() - rest.0.len();
        let wrong = |what: &str| Fault::malformed(format!("has a blob at byte {at} that {what}"));
        let length = Cursor(rest.0).number(4).and_then(|length| usize::try_from(length).ok());
        let blob = length.filter(|length| *length >= 5).and_then(|length| rest.take(length));
        let blob = blob.ok_or_else(|| wrong("does not end with the file"))?;
        match blob[4] {
            DELETED | X509 => {}
            HEADER if at == 0 => {}
            OPENPGP if found.len() == PACKETS_MAX => return Err(wrong("is one too many")),
            OPENPGP => found.push(keyblock(blob).map_err(wrong)?),
            _ => return Err(wrong("is of no known type")),
        }
    }
    Ok(found)
}

fn keyblock(blob: &[u8]) -> Result<&[u8], &'static str> {
    let too_short = "ends too early";
    let (held, sum) =
        blob.len().checked_sub(CHECKSUM_BYTES).map(|at| blob.split_at(at)).ok_or(too_short)?;
    // Before GnuPG 2.1 it was an MD5 behind four zeros, which nobody ever compared.
    if !sum.starts_with(&[0; 4]) && sha1::Sha1::digest(held).as_slice() != sum {
        return Err("has another checksum than it says");
    }
    let mut fields = Cursor(held.get(8..).ok_or(too_short)?);
    let place = fields.number(4).zip(fields.number(4));
    let (offset, length) = place.ok_or(too_short)?;
    let offset = usize::try_from(offset).ok();
    let end =
        offset.zip(usize::try_from(length).ok()).and_then(|(from, count)| from.checked_add(count));
    offset.zip(end).and_then(|(from, to)| held.get(from..to)).ok_or("points out of itself")
}
