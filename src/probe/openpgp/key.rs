//! Keys out of packets: a primary key, and what stands behind it up to the next one (RFC 9580, section 10).

use std::fmt::Write as _;

use sha1::Digest as _;

use super::packet::{Cursor, Packet};
use super::signature::Signature;
use super::{Expiry, Fault, Key};
use crate::model::Timestamp;

/// The curves that GnuPG knows: their object identifiers in DER without tag and length, and its names for them.
const CURVES: [(&[u8], &str); 11] = [
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7], "nistp256"),
    (&[0x2b, 0x81, 4, 0, 0x22], "nistp384"),
    (&[0x2b, 0x81, 4, 0, 0x23], "nistp521"),
    (&[0x2b, 0x81, 4, 0, 0x0a], "secp256k1"),
    (&[0x2b, 0x24, 3, 3, 2, 8, 1, 1, 7], "brainpoolP256r1"),
    (&[0x2b, 0x24, 3, 3, 2, 8, 1, 1, 0x0b], "brainpoolP384r1"),
    (&[0x2b, 0x24, 3, 3, 2, 8, 1, 1, 0x0d], "brainpoolP512r1"),
    (&[0x2b, 6, 1, 4, 1, 0xda, 0x47, 0x0f, 1], "ed25519"),
    (&[0x2b, 6, 1, 4, 1, 0x97, 0x55, 1, 5, 1], "cv25519"),
    (&[0x2b, 0x65, 0x71], "ed448"),
    (&[0x2b, 0x65, 0x6f], "cv448"),
];

/// The public half of a primary key or a subkey.
struct Public {
    fingerprint: Vec<u8>,
    algorithm: String,
    bits: Option<u32>,
    created: u32,
    /// Can this algorithm encrypt at all?
    can_encrypt: bool,
}

/// A primary key or a subkey with the newest signature that binds it.
struct Part {
    public: Public,
    bound: Option<Signature>,
    revoked: bool,
}

/// A primary key with its subkeys.
struct Whole {
    primary: Part,
    subkeys: Vec<Part>,
    secret: bool,
}

/// The keys that stand in these packets.
pub(super) fn keys(packets: &[Packet<'_>]) -> Result<Vec<Key>, Fault> {
    let mut wholes: Vec<Whole> = Vec::new();
    for packet in packets {
        let secret = matches!(packet.tag, 5 | 7);
        match packet.tag {
            5 | 6 => {
                let primary = Part::of(Public::read(packet.body, secret)?);
                wholes.push(Whole { primary, subkeys: Vec::new(), secret });
            }
            2 | 7 | 14 => {
                let whole = wholes.last_mut().ok_or_else(|| {
                    Fault::malformed("begins with something that belongs behind a key")
                })?;
                if packet.tag == 2 {
                    if let Some(signature) = Signature::read(packet.body)? {
                        whole.sign(signature);
                    }
                } else {
                    whole.subkeys.push(Part::of(Public::read(packet.body, secret)?));
                    whole.secret |= secret;
                }
            }
            // Marker, trust, user id, user attribute, padding, and what is private to a program.
            10 | 12 | 13 | 17 | 21 | 60..=63 => {}
            tag => {
                return Err(Fault::malformed(format!("has a packet of type {tag} among its keys")));
            }
        }
    }
    Ok(wholes.into_iter().map(Whole::into_key).collect())
}

impl Part {
    const fn of(public: Public) -> Self {
        Self { public, bound: None, revoked: false }
    }

    fn bind(&mut self, signature: Signature) {
        if self.bound.as_ref().is_none_or(|bound| bound.created <= signature.created) {
            self.bound = Some(signature);
        }
    }

    fn expires(&self) -> Expiry {
        match &self.bound {
            None => Expiry::Unsaid,
            Some(bound) if bound.key_lasts == 0 => Expiry::Never,
            Some(bound) => {
                let end = i64::from(self.public.created) + i64::from(bound.key_lasts);
                Expiry::At(Timestamp::from_unix_seconds(end))
            }
        }
    }

    /// Is it made for encryption? Where no signature says what it is for, what its algorithm can do counts.
    fn encrypts(&self) -> bool {
        const FOR_COMMUNICATION_OR_STORAGE: u8 = 0x0c;
        let flags = self.bound.as_ref().and_then(|bound| bound.flags);
        flags.map_or(self.public.can_encrypt, |flags| flags & FOR_COMMUNICATION_OR_STORAGE != 0)
    }
}

impl Whole {
    fn sign(&mut self, signature: Signature) {
        let by_itself = signature.is_by(&self.primary.public.fingerprint);
        match (signature.class, self.subkeys.last_mut()) {
            (0x20, _) => self.primary.revoked = true,
            (0x28, Some(subkey)) => subkey.revoked = true,
            (0x18, Some(subkey)) if by_itself => subkey.bind(signature),
            (0x10..=0x13 | 0x1f, _) if by_itself => self.primary.bind(signature),
            _ => {}
        }
    }

    fn into_key(self) -> Key {
        // Where the primary key encrypts itself, what is said about it says it all.
        let apart = !self.primary.encrypts();
        let parts = || self.subkeys.iter().filter(|part| apart && part.encrypts());
        let encrypting = parts().count();
        let usable = parts().filter(|part| !part.revoked).map(Part::expires);
        let rank = |expiry: &Expiry| match expiry {
            Expiry::Unsaid => (0, None),
            Expiry::At(at) => (1, Some(*at)),
            Expiry::Never => (2, None),
        };
        let encrypts = usable.max_by_key(rank);
        let public = &self.primary.public;
        Key {
            fingerprint: hex(&public.fingerprint),
            algorithm: public.algorithm.clone(),
            bits: public.bits,
            created: Timestamp::from_unix_seconds(i64::from(public.created)),
            expires: self.primary.expires(),
            revoked: self.primary.revoked,
            secret: self.secret,
            encrypting: u32::try_from(encrypting).unwrap_or(u32::MAX),
            encrypts,
        }
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing into a string cannot fail.
        let _ = write!(text, "{byte:02X}");
        text
    })
}

impl Public {
    /// Reads a key packet. Of a secret key only the public half is looked at.
    fn read(body: &[u8], secret: bool) -> Result<Self, Fault> {
        let wrong = || Fault::malformed("has a key packet that cannot be read");
        let mut rest = Cursor(body);
        let version = rest.octet().ok_or_else(wrong)?;
        if !matches!(version, 4..=6) {
            return Err(Fault::new_to_us(format!("has a key of version {version}")));
        }
        let (created, algorithm) = rest.number(4).zip(rest.octet()).ok_or_else(wrong)?;
        let material = if version > 4 { rest.counted(4).ok_or_else(wrong)? } else { rest.0 };
        let behind = if version > 4 { rest.0.len() } else { 0 };
        let mut rest = Cursor(material);
        let shape = shape(algorithm, &mut rest).ok_or_else(wrong)?;
        let over = if shape.known { rest.0.len() } else { 0 };
        let of_secret = match (secret, version) {
            (true, 4) if !shape.known => {
                let what = format!("has a secret key of algorithm {algorithm}");
                return Err(Fault::new_to_us(what));
            }
            // Behind the public numbers stand the secret ones, with nothing to say where.
            (true, 4) => over,
            (true, _) if over == 0 => behind,
            (false, _) if over + behind == 0 => 0,
            _ => return Err(wrong()),
        };
        let public = body.get(..body.len() - of_secret).ok_or_else(wrong)?;
        Ok(Self {
            fingerprint: fingerprint(version, public),
            algorithm: shape.name,
            bits: shape.bits,
            created,
            can_encrypt: shape.can_encrypt,
        })
    }
}

fn fingerprint(version: u8, public: &[u8]) -> Vec<u8> {
    let length = u32::try_from(public.len()).unwrap_or(u32::MAX).to_be_bytes();
    if version == 4 {
        let hash = sha1::Sha1::new().chain_update([0x99]).chain_update(&length[2..]);
        return hash.chain_update(public).finalize().to_vec();
    }
    let first = if version == 5 { 0x9a } else { 0x9b };
    let hash = sha2::Sha256::new().chain_update([first]).chain_update(length);
    hash.chain_update(public).finalize().to_vec()
}

/// What an algorithm makes of the numbers of a key.
struct Shape {
    name: String,
    bits: Option<u32>,
    can_encrypt: bool,
    /// Do we know where its numbers end?
    known: bool,
}

/// Reads the public numbers of a key; `None` when they end too early.
fn shape(algorithm: u8, rest: &mut Cursor<'_>) -> Option<Shape> {
    let modulus = |name: &str, more: usize, can_encrypt: bool, rest: &mut Cursor<'_>| {
        let bits = rest.large()?;
        for _ in 0..more {
            rest.large()?;
        }
        Some(Shape { name: format!("{name}{bits}"), bits: Some(bits), can_encrypt, known: true })
    };
    let curve = |name: String, can_encrypt| Shape { name, bits: None, can_encrypt, known: true };
    match algorithm {
        1..=3 => modulus("rsa", 1, algorithm != 3, rest),
        16 | 20 => modulus("elg", 2, true, rest),
        17 => modulus("dsa", 3, false, rest),
        18 | 19 | 22 => {
            let name = curve_name(rest.counted(1)?);
            rest.large()?;
            if algorithm == 18 {
                rest.counted(1)?;
            }
            Some(curve(name, algorithm == 18))
        }
        25..=28 => {
            let native = [(32, "x25519"), (56, "x448"), (32, "ed25519"), (57, "ed448")];
            let (octets, name) = native[usize::from(algorithm - 25)];
            rest.take(octets)?;
            Some(curve(name.to_owned(), algorithm < 27))
        }
        _ => {
            let name = format!("algorithm {algorithm}");
            Some(Shape { name, bits: None, can_encrypt: false, known: false })
        }
    }
}

fn curve_name(oid: &[u8]) -> String {
    let known = CURVES.iter().find(|(known, _)| *known == oid);
    known.map_or_else(|| format!("curve {}", hex(oid)), |(_, name)| (*name).to_owned())
}
