//! What a signature packet says about the key that it stands behind. It is read, not verified.

use super::Fault;
use super::packet::Cursor;

/// A signature.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Signature {
    pub(super) class: u8,
    /// Seconds since 1970.
    pub(super) created: u32,
    /// How many seconds after its making the key expires; 0 for never.
    pub(super) key_lasts: u32,
    /// What the key is for.
    pub(super) flags: Option<u8>,
    issuers: Vec<Vec<u8>>,
}

impl Signature {
    /// Reads the packet; `None` for a version that nobody has said how to read.
    pub(super) fn read(body: &[u8]) -> Result<Option<Self>, Fault> {
        let wrong = || Fault::malformed("has a signature that ends too early");
        let mut rest = Cursor(body);
        match rest.octet() {
            Some(3) => old(&mut rest).map(Some).ok_or_else(wrong),
            Some(4 | 5) => new(&mut rest, 2).map(Some).ok_or_else(wrong),
            Some(6) => new(&mut rest, 4).map(Some).ok_or_else(wrong),
            Some(_) => Ok(None),
            None => Err(wrong()),
        }
    }

    /// Does it say that it was made by the key of this fingerprint?
    pub(super) fn is_by(&self, fingerprint: &[u8]) -> bool {
        let short = match fingerprint.len() {
            20 => fingerprint.get(12..),
            _ => fingerprint.get(..8),
        };
        self.issuers.iter().any(|issuer| issuer == fingerprint || Some(issuer.as_slice()) == short)
    }
}

fn old(rest: &mut Cursor<'_>) -> Option<Signature> {
    let hashed_octets = 5;
    (rest.octet()? == hashed_octets).then_some(())?;
    let (class, created) = (rest.octet()?, rest.number(4)?);
    Some(Signature {
        class,
        created,
        issuers: vec![rest.take(8)?.to_vec()],
        ..Signature::default()
    })
}

fn new(rest: &mut Cursor<'_>, length_octets: usize) -> Option<Signature> {
    let mut signature = Signature { class: rest.octet()?, ..Signature::default() };
    rest.take(2)?;
    signature.subpackets(Cursor(rest.counted(length_octets)?), true)?;
    signature.subpackets(Cursor(rest.counted(length_octets)?), false)?;
    Some(signature)
}

impl Signature {
    /// Only what is hashed counts; the issuer may stand anywhere, as whoever verifies finds out.
    fn subpackets(&mut self, mut area: Cursor<'_>, hashed: bool) -> Option<()> {
        while !area.is_empty() {
            let length = match area.octet()? {
                short @ 0..192 => u32::from(short),
                two @ 192..255 => ((u32::from(two) - 192) << 8) + area.number(1)? + 192,
                255 => area.number(4)?,
            };
            let mut body = Cursor(area.take(usize::try_from(length).ok()?)?);
            // The highest bit says that whoever does not know the type has to refuse.
            let kind = body.octet()? & 0x7f;
            match kind {
                2 if hashed => self.created = body.number(4)?,
                9 if hashed => self.key_lasts = body.number(4)?,
                27 if hashed => self.flags = Some(body.octet().unwrap_or_default()),
                16 => self.issuers.push(body.take(8)?.to_vec()),
                33 => {
                    body.octet()?;
                    self.issuers.push(body.0.to_vec());
                }
                _ => {}
            }
        }
        Some(())
    }
}
