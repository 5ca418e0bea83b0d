//! A statement with its signature, as files hold the two: side by side, or one after the other in one file.

use std::path::Path;

use super::lines::STATEMENT_BYTES_MAX;
use crate::model::Digest;
use crate::model::sshsig::SIGNATURE_BYTES_MAX;

/// The longest file with both.
pub const SIGNED_BYTES_MAX: usize = STATEMENT_BYTES_MAX + SIGNATURE_BYTES_MAX;
const BEGIN: &[u8] = b"\n-----BEGIN SSH SIGNATURE-----\n";

/// The bytes of a statement and of its signature, as they came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// The statement.
    pub statement: Vec<u8>,
    /// Its signature.
    pub signature: Vec<u8>,
    /// Where it came from, for people.
    pub origin: String,
}

/// Why a file holds no signed statement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignedError {
    /// Too long.
    #[error("it is longer than {SIGNED_BYTES_MAX} bytes")]
    Size,
    /// No signature follows.
    #[error(
        "no signature follows the statement in it, and there is no file of the same name with `.sig`"
    )]
    Unsigned,
}

impl Signed {
    /// Takes one file with both apart: what was signed ends where the block of the signature begins.
    ///
    /// # Errors
    /// When it is too long, or has no such block.
    pub fn of_one(bytes: &[u8], origin: &Path) -> Result<Self, SignedError> {
        if bytes.len() > SIGNED_BYTES_MAX {
            return Err(SignedError::Size);
        }
        let at = bytes.windows(BEGIN.len()).position(|part| part == BEGIN);
        // The newline belongs to the statement's last line.
        let (statement, signature) = bytes.split_at(at.ok_or(SignedError::Unsigned)? + 1);
        let origin = origin.display().to_string();
        Ok(Self { statement: statement.to_vec(), signature: signature.to_vec(), origin })
    }

    /// Both in one file.
    #[must_use]
    pub fn as_one(&self) -> Vec<u8> {
        [self.statement.as_slice(), self.signature.as_slice()].concat()
    }

    /// What names it: SHA-256 of the statement. Never of the signature, which may differ each time it is made.
    #[must_use]
    pub fn id(&self) -> Digest {
        Digest::of(&self.statement)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_file_is_taken_apart_where_the_signature_begins() {
        let signature = "-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----\n";
        let one = format!("title\nkey: value\n{signature}");
        let signed = Signed::of_one(one.as_bytes(), Path::new("x")).expect("both");
        assert_eq!(
            (&*signed.statement, &*signed.signature),
            (&b"title\nkey: value\n"[..], signature.as_bytes())
        );
        assert_eq!(signed.as_one(), one.as_bytes());
        for bad in ["title\nkey: value\n", signature, "title -----BEGIN SSH SIGNATURE-----\n"] {
            assert_eq!(
                Signed::of_one(bad.as_bytes(), Path::new("x")),
                Err(SignedError::Unsigned),
                "{bad}"
            );
        }
        let long = vec![b'x'; SIGNED_BYTES_MAX + 1];
        assert_eq!(Signed::of_one(&long, Path::new("x")), Err(SignedError::Size));
    }
}
