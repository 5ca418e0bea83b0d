//! The keys of an OpenPGP keyring: which they are, how long they say they are valid, whether they are revoked.
//!
//! Read by a parser of its own, because `gpg --list-keys` writes. No signature is verified: what is said about expiry and
//! revocation is what the keyring says. Of a secret key only its public half is looked at.

mod home;
mod key;
mod keybox;
mod packet;
mod signature;

use serde::{Deserialize, Serialize};

use super::armor;
use crate::model::{Reason, Timestamp, Unknown};

pub use home::{Ring, material, private_parts, read};

/// The most packets of one file.
const PACKETS_MAX: usize = 200_000;
/// The most keys of one keyring.
const KEYS_MAX: usize = 10_000;

/// A primary key, and what its keyring says about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// In upper-case hex: 40 digits, or 64 from version 5 on.
    pub fingerprint: String,
    /// As GnuPG writes it: `rsa4096`, `ed25519`.
    pub algorithm: String,
    /// Of the modulus, for algorithms that have one.
    pub bits: Option<u32>,
    /// When it says it was made.
    pub created: Timestamp,
    /// Until when its signatures over itself say that it is valid: of those that say so, the newest.
    pub expires: Expiry,
    /// Is there a revocation of it?
    pub revoked: bool,
    /// Is its secret half in this very file?
    pub secret: bool,
    /// How many of its subkeys are made for encryption, those that are revoked included; none are counted where the
    /// primary key encrypts itself.
    pub encrypting: u32,
    /// Of those that are not revoked, until when the last one is valid; `None` when there is none.
    pub encrypts: Option<Expiry>,
}

/// The end of a validity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expiry {
    /// No signature of the key over itself was found, so nobody says.
    Unsaid,
    /// At this instant.
    At(Timestamp),
    /// Never.
    Never,
}

/// Why bytes are no keyring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    reason: Reason,
    /// A fragment whose subject is the file.
    what: String,
}

impl Fault {
    fn malformed(what: impl Into<String>) -> Self {
        Self { reason: Reason::Malformed, what: what.into() }
    }

    fn new_to_us(what: impl Into<String>) -> Self {
        Self { reason: Reason::NotSupported, what: what.into() }
    }

    fn of(self, path: &str) -> Unknown {
        Unknown::new(self.reason, format!("`{path}` {}", self.what))
    }
}

impl From<armor::Fault> for Fault {
    fn from(what: armor::Fault) -> Self {
        Self::malformed(what)
    }
}

/// Reads the keys that stand in packets.
type Read<T> = fn(&[packet::Packet<'_>]) -> Result<Vec<T>, Fault>;

/// The keys of a file: a keybox, packets one after another, or armour around them.
fn keys(bytes: &[u8]) -> Result<Vec<Key>, Fault> {
    of_packets(bytes, key::keys)
}

/// What `read` makes of each block of packets.
fn of_packets<T>(bytes: &[u8], read: Read<T>) -> Result<Vec<T>, Fault> {
    let keys = match bytes.first() {
        None => Vec::new(),
        Some(_) if keybox::is_keybox(bytes) => {
            let mut keys = Vec::new();
            for block in keybox::keyblocks(bytes)? {
                keys.append(&mut read(&packet::packets(block)?)?);
            }
            keys
        }
        Some(first) if first & 0x80 != 0 => read(&packet::packets(bytes)?)?,
        Some(_) => armoured(bytes, read)?,
    };
    if keys.len() > KEYS_MAX {
        let what = format!("has {} keys, at most {KEYS_MAX} are read", keys.len());
        return Err(Fault { reason: Reason::TooLarge, what });
    }
    Ok(keys)
}

/// The one public key that a file holds, as it was exported: armoured or not, with nothing secret beside it.
///
/// # Errors
/// Why it is none, as a fragment whose subject is the file.
pub fn public_key(bytes: &[u8]) -> Result<Key, String> {
    if keybox::is_keybox(bytes) {
        return Err("is a keybox, and not a key as `gpg --export` writes it".to_owned());
    }
    let secret = || Err("holds a private key, which has no place in desired state".to_owned());
    if bytes.first().is_some_and(|first| first & 0x80 == 0) {
        let blocks = armor::blocks(bytes)?;
        if blocks.iter().any(|block| block.label.contains("PRIVATE KEY")) {
            return secret();
        }
        if blocks.len() != 1 {
            return Err(format!("holds {} armoured blocks instead of one key", blocks.len()));
        }
    }
    let keys = keys(bytes).map_err(|fault| fault.what)?;
    if keys.iter().any(|key| key.secret) {
        return secret();
    }
    match <[Key; 1]>::try_from(keys) {
        Ok([key]) => Ok(key),
        Err(keys) => Err(format!("holds {} keys instead of one", keys.len())),
    }
}

fn armoured<T>(text: &[u8], read: Read<T>) -> Result<Vec<T>, Fault> {
    let blocks = armor::blocks(text)?;
    let is_keys = |label: &str| matches!(label, "PGP PUBLIC KEY BLOCK" | "PGP PRIVATE KEY BLOCK");
    let mut blocks = blocks.iter().filter(|block| is_keys(block.label)).peekable();
    if blocks.peek().is_none() {
        return Err(Fault::malformed("is neither a keyring nor an armoured key"));
    }
    let mut keys = Vec::new();
    for block in blocks {
        keys.append(&mut read(&packet::packets(&block.decode()?)?)?);
    }
    Ok(keys)
}

#[cfg(test)]
mod tests;
