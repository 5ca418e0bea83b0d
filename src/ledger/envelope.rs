//! Statements that a ledger's key signs besides checkpoints: envelopes of DSSE, whose content other tools read too.
//!
//! What is signed is `DSSEv1 LENGTH TYPE LENGTH PAYLOAD`, with the lengths in decimal: it names the type, so a statement of one kind is
//! never one of another, and it begins with what no checkpoint begins with.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::Signature;
use serde::{Deserialize, Serialize};

use super::checkpoint::Key;

/// The largest envelope that is read.
pub const ENVELOPE_BYTES_MAX: usize = 16 << 20;

/// A payload with its signature, as it stands in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Envelope {
    /// The payload in base64.
    payload: String,
    /// What kind of payload it is.
    #[serde(rename = "payloadType")]
    payload_type: String,
    /// Exactly one.
    signatures: Vec<OfKey>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct OfKey {
    /// The key as a ledger's `key.pub` has it. It says which one to ask, and proves nothing.
    keyid: String,
    /// In base64.
    sig: String,
}

/// Why an envelope proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// It is written otherwise.
    #[error("it is no envelope as this program writes them: {0}")]
    Form(&'static str),
    /// It holds something else.
    #[error("its payload is of the type `{0}`")]
    Type(String),
    /// Another key signed it, or says so.
    #[error("it is signed by another key than the one that was given")]
    Key,
    /// The signature is wrong.
    #[error("its signature is wrong")]
    Signature,
}

/// What is signed.
#[must_use]
pub fn signed_bytes(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len());
    [head.as_bytes(), payload].concat()
}

impl Envelope {
    pub(super) fn new(key: &Key, payload_type: &str, payload: &[u8], signature: &[u8; 64]) -> Self {
        let of_key = OfKey { keyid: key.to_string(), sig: STANDARD.encode(signature) };
        let (payload, payload_type) = (STANDARD.encode(payload), payload_type.to_owned());
        Self { payload, payload_type, signatures: vec![of_key] }
    }

    /// As it stands in a file: one line of JSON.
    #[must_use]
    pub fn text(&self) -> String {
        // Texts alone: it cannot fail.
        serde_json::to_string(self).unwrap_or_default() + "\n"
    }

    /// Reads one, byte for byte as it is written.
    ///
    /// # Errors
    /// [`EnvelopeError::Form`].
    pub fn parse(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        if bytes.len() > ENVELOPE_BYTES_MAX {
            return Err(EnvelopeError::Form("it is larger than 16 MiB"));
        }
        let envelope: Self =
            serde_json::from_slice(bytes).map_err(|_| EnvelopeError::Form("it is not its JSON"))?;
        if envelope.text().as_bytes() != bytes {
            return Err(EnvelopeError::Form("it is written otherwise"));
        }
        Ok(envelope)
    }

    /// The payload, when this key signed it as one of this type.
    ///
    /// # Errors
    /// Why it proves nothing; then nothing of it may be used.
    pub fn open(&self, key: &Key, payload_type: &str) -> Result<Vec<u8>, EnvelopeError> {
        let [of_key] = self.signatures.as_slice() else {
            return Err(EnvelopeError::Form("it has not exactly one signature"));
        };
        if self.payload_type != payload_type {
            return Err(EnvelopeError::Type(crate::model::display::one_line(
                &self.payload_type,
                80,
            )));
        }
        if of_key.keyid != key.to_string() {
            return Err(EnvelopeError::Key);
        }
        let payload = STANDARD.decode(&self.payload);
        let payload = payload.map_err(|_| EnvelopeError::Form("its payload is no base64"))?;
        let signature = STANDARD.decode(&of_key.sig).ok();
        let signature = signature.and_then(|bytes| Signature::from_slice(&bytes).ok());
        let signature = signature.ok_or(EnvelopeError::Signature)?;
        if !key.verifies(&signed_bytes(payload_type, &payload), &signature) {
            return Err(EnvelopeError::Signature);
        }
        Ok(payload)
    }
}

/// Keys and signatures that are the same in every run, for tests of what rests on them.
#[cfg(test)]
pub(crate) mod fixed {
    use super::super::checkpoint::{Key, Signed, Signer};
    use super::super::merkle::Hash;
    use super::Envelope;

    pub(crate) struct Fixed(Signer);

    impl Fixed {
        pub(crate) fn new(seed: u8) -> Self {
            Self(Signer::new("countersign/test/executor", &[seed; 32]))
        }

        pub(crate) fn key(&self) -> Key {
            self.0.public()
        }

        pub(crate) fn checkpoint(&self, size: u64, root: Hash) -> Signed {
            self.0.sign(size, root)
        }

        pub(crate) fn envelope(&self, payload_type: &str, payload: &[u8]) -> Envelope {
            self.0.envelope(payload_type, payload)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::fixed::Fixed;
    use super::*;

    #[test]
    fn what_is_signed_is_what_the_description_of_the_format_says() {
        // The example of DSSE's own protocol description.
        let bytes = signed_bytes("http://example.com/HelloWorld", b"hello world");
        assert_eq!(bytes, b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
    }

    #[test]
    fn an_envelope_opens_with_its_key_and_type_alone() {
        let signer = Fixed::new(7);
        let envelope = signer.envelope("a/b", b"payload");
        assert_eq!(envelope.open(&signer.key(), "a/b").as_deref(), Ok(&b"payload"[..]));
        assert_eq!(envelope.open(&Fixed::new(8).key(), "a/b"), Err(EnvelopeError::Key));
        assert_eq!(envelope.open(&signer.key(), "a/c"), Err(EnvelopeError::Type("a/b".to_owned())));
        let text = envelope.text();
        assert_eq!(Envelope::parse(text.as_bytes()), Ok(envelope));
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= 1 << (at % 8);
            let opened = Envelope::parse(&bytes).and_then(|one| one.open(&signer.key(), "a/b"));
            assert!(opened.is_err(), "byte {at}");
        }
        let claimed = text.replace(&signer.key().to_string(), &Fixed::new(8).key().to_string());
        let claimed = Envelope::parse(claimed.as_bytes()).expect("its form");
        assert_eq!(claimed.open(&Fixed::new(8).key(), "a/b"), Err(EnvelopeError::Signature));
    }
}
