//! Checkpoints: how large a ledger was and which root it had, signed by its key.
//!
//! The form is the one of C2SP `tlog-checkpoint`, a signed note with an Ed25519 key, so that other tools read and witness
//! it. The key stands in `key.pub` as the verifier key of such notes.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest as _, Sha256};

use super::entry::is_plain;
use super::envelope::{self, Envelope};
use super::merkle::Hash;
use crate::model::Decimal;

/// The longest note that is read: signatures of witnesses included.
pub const NOTE_BYTES_MAX: usize = 16 << 10;
/// The most signatures below one note.
const SIGNATURES_MAX: usize = 32;
/// The number of Ed25519 in signed notes.
const ED25519: u8 = 1;

/// How large a ledger is, and the root over its entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The name of the ledger.
    pub origin: String,
    /// How many entries it has.
    pub size: u64,
    /// The root of the tree over them.
    pub root: Hash,
}

/// A checkpoint with the note that carries its signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// What was signed.
    pub checkpoint: Checkpoint,
    /// The note, as it is stored and published.
    pub note: String,
}

/// The public key of a ledger: `NAME+ID+BASE64`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    origin: String,
    public: VerifyingKey,
}

/// The private key of a ledger.
pub(super) struct Signer {
    origin: String,
    key: SigningKey,
}

/// Why a text is no key, or no checkpoint by this key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// The key has another form.
    #[error("it is no key of a signed note: NAME+ID+BASE64 with an Ed25519 key is meant")]
    Key,
    /// The note has another form.
    #[error("it is no checkpoint: {0}")]
    Form(&'static str),
    /// The checkpoint is of another ledger.
    #[error("it is a checkpoint of `{0}`, not of `{1}`")]
    Origin(String, String),
    /// The key did not sign it.
    #[error("the key of `{0}` did not sign it")]
    Unsigned(String),
    /// The signature is wrong.
    #[error("its signature by `{0}` is wrong")]
    Signature(String),
}

impl Checkpoint {
    /// The signed text, line ends included.
    #[must_use]
    pub fn body(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, self.root)
    }
}

/// On one line, as a statement of approval cites it.
impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.origin, self.size, self.root)
    }
}

impl FromStr for Checkpoint {
    type Err = NoteError;
    fn from_str(text: &str) -> Result<Self, NoteError> {
        let words: Vec<&str> = text.split(' ').collect();
        match words.as_slice() {
            [origin, size, root] => of(origin, size, root),
            _ => Err(NoteError::Form("ORIGIN SIZE ROOT are meant")),
        }
    }
}

fn of(origin: &str, size: &str, root: &str) -> Result<Checkpoint, NoteError> {
    if !is_plain(origin) {
        return Err(NoteError::Form("its first line names no ledger"));
    }
    let size = size
        .parse::<Decimal>()
        .map_err(|_| NoteError::Form("its second line is no number of entries"))?;
    let root = root.parse().map_err(|_| NoteError::Form("its third line is no root"))?;
    Ok(Checkpoint { origin: origin.to_owned(), size: size.0, root })
}

/// The first bytes of the hash of name and key: which key a signature line means.
fn key_id(origin: &str, public: &[u8; 32]) -> [u8; 4] {
    let hash = Sha256::new()
        .chain_update(origin)
        .chain_update([b'\n', ED25519])
        .chain_update(public)
        .finalize();
    [hash[0], hash[1], hash[2], hash[3]]
}

fn tagged(bytes: &[u8; 32]) -> String {
    let mut tagged = [ED25519; 33];
    tagged[1..].copy_from_slice(bytes);
    STANDARD.encode(tagged)
}

fn untagged(text: &str) -> Option<[u8; 32]> {
    let bytes = STANDARD.decode(text).ok()?;
    match bytes.split_first() {
        Some((&ED25519, key)) => key.try_into().ok(),
        _ => None,
    }
}

impl Key {
    /// The name of the ledger whose key it is.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    pub(super) fn verifies(&self, message: &[u8], signature: &Signature) -> bool {
        self.public.verify_strict(message, signature).is_ok()
    }

    fn id(&self) -> [u8; 4] {
        key_id(&self.origin, self.public.as_bytes())
    }

    /// Reads a note and verifies that this key signed it. Signatures of others below it are left alone.
    ///
    /// # Errors
    /// [`NoteError`] says what is wrong; nothing of such a note may be used.
    pub fn open(&self, note: &str) -> Result<Signed, NoteError> {
        let checkpoint = read(note)?;
        if checkpoint.origin != self.origin {
            let (found, meant) = (checkpoint.origin, self.origin.clone());
            return Err(NoteError::Origin(found, meant));
        }
        let (body, signatures) =
            note.split_once("\n\n").ok_or(NoteError::Form("it has no signatures"))?;
        let body = format!("{body}\n");
        let mut signed = false;
        for line in signatures.split_terminator('\n') {
            let (name, bytes) = signature(line)?;
            if name != self.origin || !bytes.starts_with(&self.id()) {
                continue;
            }
            let wrong = || NoteError::Signature(self.origin.clone());
            let signature = Signature::from_slice(&bytes[4..]).map_err(|_| wrong())?;
            self.public.verify_strict(body.as_bytes(), &signature).map_err(|_| wrong())?;
            signed = true;
        }
        if !signed {
            return Err(NoteError::Unsigned(self.origin.clone()));
        }
        Ok(Signed { checkpoint, note: note.to_owned() })
    }
}

/// What a note says, without a look at who signed it.
///
/// # Errors
/// When it has not the form of a checkpoint.
pub fn read(note: &str) -> Result<Checkpoint, NoteError> {
    if note.len() > NOTE_BYTES_MAX {
        return Err(NoteError::Form("it is longer than 16 KiB"));
    }
    let (body, signatures) =
        note.split_once("\n\n").ok_or(NoteError::Form("it has no signatures"))?;
    if !signatures.ends_with('\n') || signatures.split_terminator('\n').count() > SIGNATURES_MAX {
        return Err(NoteError::Form("its signatures do not end, or are more than 32"));
    }
    let lines: Vec<&str> = body.split('\n').collect();
    match lines.as_slice() {
        [origin, size, root] => of(origin, size, root),
        _ => Err(NoteError::Form("it has not three lines")),
    }
}

/// One line `— NAME BASE64`, as name and bytes.
fn signature(line: &str) -> Result<(&str, Vec<u8>), NoteError> {
    let wrong = NoteError::Form("a signature is no line of `— NAME BASE64`");
    let Some((name, text)) = line.strip_prefix("— ").and_then(|rest| rest.split_once(' ')) else {
        return Err(wrong);
    };
    let bytes = STANDARD.decode(text).ok().filter(|bytes| bytes.len() > 4);
    bytes.map(|bytes| (name, bytes)).ok_or(wrong)
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = u32::from_be_bytes(self.id());
        write!(f, "{}+{id:08x}+{}", self.origin, tagged(self.public.as_bytes()))
    }
}

impl FromStr for Key {
    type Err = NoteError;
    fn from_str(text: &str) -> Result<Self, NoteError> {
        let mut parts = text.splitn(3, '+');
        let (Some(origin), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NoteError::Key);
        };
        let bytes = untagged(key).ok_or(NoteError::Key)?;
        let public = VerifyingKey::from_bytes(&bytes).map_err(|_| NoteError::Key)?;
        let key = Self { origin: origin.to_owned(), public };
        let named = is_plain(origin) && format!("{:08x}", u32::from_be_bytes(key.id())) == id;
        // A key of small order would verify signatures that nobody made.
        if named && !key.public.is_weak() { Ok(key) } else { Err(NoteError::Key) }
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("origin", &self.origin).finish_non_exhaustive()
    }
}

impl Signer {
    /// The key from 32 random bytes.
    pub(super) fn new(origin: &str, seed: &[u8; 32]) -> Self {
        Self { origin: origin.to_owned(), key: SigningKey::from_bytes(seed) }
    }

    /// The text of the key file: `PRIVATE+KEY+NAME+ID+BASE64`.
    pub(super) fn text(&self) -> String {
        let id = u32::from_be_bytes(self.public().id());
        format!("PRIVATE+KEY+{}+{id:08x}+{}\n", self.origin, tagged(self.key.as_bytes()))
    }

    pub(super) fn parse(text: &str) -> Result<Self, NoteError> {
        let rest = text.strip_suffix('\n').and_then(|line| line.strip_prefix("PRIVATE+KEY+"));
        let mut parts = rest.ok_or(NoteError::Key)?.splitn(3, '+');
        let (Some(origin), Some(_), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NoteError::Key);
        };
        let signer = Self::new(origin, &untagged(key).ok_or(NoteError::Key)?);
        if signer.text() == text && is_plain(origin) { Ok(signer) } else { Err(NoteError::Key) }
    }

    pub(super) fn public(&self) -> Key {
        Key { origin: self.origin.clone(), public: self.key.verifying_key() }
    }

    pub(super) fn envelope(&self, payload_type: &str, payload: &[u8]) -> Envelope {
        let signature = self.key.sign(&envelope::signed_bytes(payload_type, payload)).to_bytes();
        Envelope::new(&self.public(), payload_type, payload, &signature)
    }

    /// Signs how large the ledger is and which root it has.
    pub(super) fn sign(&self, size: u64, root: Hash) -> Signed {
        let checkpoint = Checkpoint { origin: self.origin.clone(), size, root };
        let body = checkpoint.body();
        let mut bytes = self.public().id().to_vec();
        bytes.extend_from_slice(&self.key.sign(body.as_bytes()).to_bytes());
        let note = format!("{body}\n— {} {}\n", self.origin, STANDARD.encode(bytes));
        Signed { checkpoint, note }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signer() -> Signer {
        Signer::new("example.org/host/executor", &[7; 32])
    }

    fn signed() -> Signed {
        signer().sign(3, Hash([9; 32]))
    }

    /// A key and a note from the published description of the format, not from this program.
    #[test]
    fn a_key_and_a_note_of_others_are_read() {
        let key = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
        let key: Key = key.parse().expect("a key");
        assert_eq!(key.to_string().split('+').nth(1), Some("c74f20a3"));
        let body = "If you think cryptography is the answer to your problem,\n\
                    then you don't know what your problem is.\n";
        let line = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=";
        let bytes = STANDARD.decode(line).expect("base64");
        assert_eq!(bytes[..4], key.id());
        let signature = Signature::from_slice(&bytes[4..]).expect("64 bytes");
        assert!(key.public.verify_strict(body.as_bytes(), &signature).is_ok());
    }

    #[test]
    fn a_checkpoint_verifies_with_its_key_alone() {
        let (signed, key) = (signed(), signer().public());
        assert_eq!(key.open(&signed.note), Ok(signed.clone()));
        let again: Key = key.to_string().parse().expect("its own form");
        assert_eq!(again, key);
        let other = Signer::new("example.org/host/executor", &[8; 32]).public();
        assert!(matches!(other.open(&signed.note), Err(NoteError::Unsigned(_))));
        let other = Signer::new("example.org/other", &[7; 32]).public();
        assert!(matches!(other.open(&signed.note), Err(NoteError::Origin(..))));
        let line = signed.checkpoint.to_string();
        assert_eq!(line.parse(), Ok(signed.checkpoint));
    }

    #[test]
    fn no_changed_byte_passes() {
        let (note, key) = (signed().note, signer().public());
        for at in 0..note.len() {
            for bit in 0..8 {
                let mut bytes = note.clone().into_bytes();
                bytes[at] ^= 1 << bit;
                let opened = String::from_utf8(bytes).ok().map(|note| key.open(&note));
                assert!(!matches!(opened, Some(Ok(_))), "byte {at}, bit {bit}");
            }
            assert!(key.open(note.get(..at).unwrap_or_default()).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn witnesses_may_sign_below_and_a_wrong_signature_of_ours_counts() {
        let (note, key) = (signed().note, signer().public());
        let witnessed = format!("{note}— witness.example.org AAAAAAAAAAAAAAAA\n");
        assert!(key.open(&witnessed).is_ok());
        let other = signer().sign(4, Hash([9; 32])).note;
        let line = other.lines().last().unwrap_or_default();
        assert!(matches!(key.open(&format!("{note}{line}\n")), Err(NoteError::Signature(_))));
        for wrong in ["", "\n", "a\n1\n", "no signature line\n", "— x\n"] {
            assert!(key.open(&format!("{note}{wrong}")).is_err() || wrong.is_empty(), "{wrong:?}");
        }
    }

    #[test]
    fn keys_have_one_form() {
        let signer = signer();
        let text = signer.text();
        assert_eq!(Signer::parse(&text).map(|again| again.text()), Ok(text.clone()));
        for wrong in [text.trim_end(), "", "PRIVATE+KEY+a+b+c\n", &text.replace("executor", "x")] {
            assert!(Signer::parse(wrong).is_err(), "{wrong}");
        }
        assert!(!format!("{signer:?}").contains("07"), "the key is not shown");
        let key = signer.public().to_string();
        for wrong in ["", "a+b", &key.replace("example", "exampl"), &key.replace("+AT", "+BD")] {
            assert!(wrong == key || wrong.parse::<Key>().is_err(), "{wrong}");
        }
        // The neutral element: with it as key, one signature fits every message.
        let mut weak = [0; 32];
        weak[0] = 1;
        let id = u32::from_be_bytes(key_id("weak", &weak));
        assert!(format!("weak+{id:08x}+{}", tagged(&weak)).parse::<Key>().is_err());
    }
}
