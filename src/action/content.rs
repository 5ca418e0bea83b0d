//! The bytes of a file in a plan: in the plan itself while they are few, else by their digest, as desired state has them.

use serde::{Deserialize, Serialize};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::model::{Decimal, Digest};

/// The most bytes that stand in the plan itself.
pub const INLINE_BYTES_MAX: usize = 64 << 10;
/// The most bytes of a file that a step writes. More than stand in the plan are taken from desired state.
pub const FILE_BYTES_MAX: usize = 64 << 20;

/// Bytes that are part of what is signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Content {
    /// Text, as it is.
    Text(String),
    /// Bytes that are no text, in base64.
    Base64(String),
    /// Bytes of desired state, by digest.
    Blob {
        /// Of the bytes.
        sha256: Digest,
        /// How many.
        size: Decimal,
    },
}

impl Content {
    /// The content of these bytes; of many, only what identifies them.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        if bytes.len() > INLINE_BYTES_MAX {
            return Self::Blob { sha256: Digest::of(bytes), size: Decimal(bytes.len() as u64) };
        }
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::Text(text.to_owned()),
            Err(_) => Self::Base64(STANDARD.encode(bytes)),
        }
    }

    /// The bytes, where they stand in the plan itself. `None` for a blob, and for base64 that is none.
    #[must_use]
    pub fn inline(&self) -> Option<Vec<u8>> {
        match self {
            Self::Text(text) => Some(text.as_bytes().to_vec()),
            Self::Base64(text) => STANDARD.decode(text).ok(),
            Self::Blob { .. } => None,
        }
    }

    /// The digest of the bytes; `None` for base64 that is none.
    #[must_use]
    pub fn digest(&self) -> Option<Digest> {
        match self {
            Self::Blob { sha256, .. } => Some(*sha256),
            _ => self.inline().map(|bytes| Digest::of(&bytes)),
        }
    }

    /// How many bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        match self {
            Self::Text(text) => text.len() as u64,
            Self::Base64(_) => self.inline().map_or(0, |bytes| bytes.len() as u64),
            Self::Blob { size, .. } => size.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_as_they_were() {
        for bytes in [&b"text\n"[..], b"", b"\xff\x00"] {
            let content = Content::of(bytes);
            assert_eq!(content.inline().as_deref(), Some(bytes));
            assert_eq!(content.digest(), Some(Digest::of(bytes)));
            assert_eq!(content.size(), bytes.len() as u64);
        }
        let large = vec![b'a'; INLINE_BYTES_MAX + 1];
        let content = Content::of(&large);
        assert_eq!((content.inline(), content.size()), (None, 65_537));
        assert_eq!(content.digest(), Some(Digest::of(&large)));
    }
}
