//! Keys out of packets: a primary key, and what stands behind it up to the next one (RFC 9580, section 10).

use std::fmt::Write as _;

use sha1::Digest as _;

use super::packet::{Cursor, Packet};
use super::signature::Signature;
use super::{Expiry, Fault, Key};
use crate::model::{Digest, Timestamp};

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

/// A subkey with the newest signature that binds it.
struct Subkey {
    public: Public,
    bound: Option<Signature>,
    revoked: bool,
}

/// A primary key with what belongs to it.
struct Whole {
    primary: Public,
    revoked: bool,
    secret: bool,
    /// The newest signature over the key alone.
    direct: Option<Signature>,
    /// Of each of its names, the newest signature of the key over it.
    names: Vec<Option<Signature>>,
    subkeys: Vec<Subkey>,
}

/// The keys that stand in these packets.
pub(super) fn keys(packets: &[Packet<'_>]) -> Result<Vec<Key>, Fault> {
    let mut wholes: Vec<Whole> = Vec::new();
    for packet in packets {
        let secret = matches!(packet.tag, 5 | 7);
        match packet.tag {
            5 | 6 => wholes.push(Whole::of(Public::read(packet.body, secret)?, secret)),
            2 | 7 | 13 | 14 | 17 => {
                let whole = wholes.last_mut().ok_or_else(|| {
                    Fault::malformed("begins with something that belongs behind a key")
                })?;
                match packet.tag {
                    2 => whole.sign(Signature::read(packet.body)?),
                    13 | 17 => whole.names.push(None),
                    _ => {
                        let public = Public::read(packet.body, secret)?;
                        whole.subkeys.push(Subkey { public, bound: None, revoked: false });
                        whole.secret |= secret;
                    }
                }
            }
            // Marker, trust, padding, and what is private to a program.
            10 | 12 | 21 | 60..=63 => {}
            tag => {
                return Err(Fault::malformed(format!("has a packet of type {tag} among its keys")));
            }
        }
    }
    Ok(wholes.into_iter().map(Whole::into_key).collect())
}

/// The digest of all that a keyring holds of each key, with its fingerprint: subkeys, names, and signatures of whomever.
pub(super) fn materials(packets: &[Packet<'_>]) -> Result<Vec<(String, Digest)>, Fault> {
    let mut found: Vec<(String, Vec<u8>)> = Vec::new();
    for packet in packets {
        if matches!(packet.tag, 5 | 6) {
            let public = Public::read(packet.body, packet.tag == 5)?;
            found.push((hex(&public.fingerprint), Vec::new()));
        }
        // Trust is the keyring's own, and changes by itself.
        let held = found.last_mut().filter(|_| packet.tag != 12);
        if let Some((_, held)) = held {
            held.push(packet.tag);
            held.extend((packet.body.len() as u64).to_be_bytes());
            held.extend_from_slice(packet.body);
        }
    }
    Ok(found.into_iter().map(|(name, held)| (name, Digest::of(&held))).collect())
}

/// Keeps the newest; of two of one moment the later one.
fn keep(newest: &mut Option<Signature>, signature: Signature) {
    if newest.as_ref().is_none_or(|kept| kept.created <= signature.created) {
        *newest = Some(signature);
    }
}

impl Public {
    fn end(&self, lasts: u32) -> Expiry {
        match lasts {
            0 => Expiry::Never,
            _ => {
                Expiry::At(Timestamp::from_unix_seconds(i64::from(self.created) + i64::from(lasts)))
            }
        }
    }

    /// Is it made for encryption? Where no signature says what it is for, what its algorithm can do counts.
    fn encrypts(&self, flags: Option<u8>) -> bool {
        const FOR_COMMUNICATION_OR_STORAGE: u8 = 0x0c;
        flags.map_or(self.can_encrypt, |flags| flags & FOR_COMMUNICATION_OR_STORAGE != 0)
    }
}

impl Subkey {
    fn encrypts(&self) -> bool {
        self.public.encrypts(self.bound.as_ref().and_then(|bound| bound.flags))
    }

    fn expires(&self) -> Expiry {
        self.bound.as_ref().map_or(Expiry::Unsaid, |bound| self.public.end(bound.key_lasts))
    }
}

impl Whole {
    fn of(primary: Public, secret: bool) -> Self {
        let (names, subkeys) = (Vec::new(), Vec::new());
        Self { primary, revoked: false, secret, direct: None, names, subkeys }
    }

    fn sign(&mut self, signature: Option<Signature>) {
        let Some(signature) = signature else { return };
        let by_itself = signature.is_by(&self.primary.fingerprint);
        match (signature.class, self.subkeys.last_mut(), self.names.last_mut()) {
            (0x20, ..) => self.revoked = true,
            (0x28, Some(subkey), _) => subkey.revoked = true,
            (0x18, Some(subkey), _) if by_itself => keep(&mut subkey.bound, signature),
            (0x1f, None, None) if by_itself => keep(&mut self.direct, signature),
            // 0x30 takes a name back, and with it what was said over it.
            (0x10..=0x13 | 0x30, None, Some(name)) if by_itself => keep(name, signature),
            _ => {}
        }
    }

    /// What the newest signature says that says anything: one over the key alone before those over its names.
    fn said<T>(&self, what: impl Fn(&Signature) -> Option<T>) -> Option<T> {
        let names = self.names.iter().flatten().filter(|signature| signature.class != 0x30);
        let mut names: Vec<&Signature> = names.collect();
        names.sort_by_key(|signature| std::cmp::Reverse(signature.created));
        self.direct.iter().chain(names).find_map(what)
    }

    fn expires(&self) -> Expiry {
        if self.said(|_| Some(())).is_none() {
            return Expiry::Unsaid;
        }
        // A signature without an end does not take away the one that another has.
        let lasts = |signature: &Signature| Some(signature.key_lasts).filter(|lasts| *lasts > 0);
        self.primary.end(self.said(lasts).unwrap_or_default())
    }

    fn into_key(self) -> Key {
        // Where the primary key encrypts itself, what is said about it says it all.
        let apart = !self.primary.encrypts(self.said(|signature| signature.flags));
        let subkeys = || self.subkeys.iter().filter(|subkey| apart && subkey.encrypts());
        let encrypting = subkeys().count();
        let usable = subkeys().filter(|subkey| !subkey.revoked).map(Subkey::expires);
        let rank = |expiry: &Expiry| match expiry {
            Expiry::Unsaid => (0, None),
            Expiry::At(at) => (1, Some(*at)),
            Expiry::Never => (2, None),
        };
        let public = &self.primary;
        Key {
            fingerprint: hex(&public.fingerprint),
            algorithm: public.algorithm.clone(),
            bits: public.bits,
            created: Timestamp::from_unix_seconds(i64::from(public.created)),
            expires: self.expires(),
            revoked: self.revoked,
            secret: self.secret,
            encrypting: u32::try_from(encrypting).unwrap_or(u32::MAX),
            encrypts: usable.max_by_key(rank),
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
