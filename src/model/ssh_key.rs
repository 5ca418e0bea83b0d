//! Public SSH keys of people: the kinds whose signatures are taken, and no others.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use ssh_key::public::KeyData;
use ssh_key::{EcdsaCurve, HashAlg, PublicKey};

use super::Digest;
use super::display::one_line;

/// The longest line of a key that is read; the longest of those taken has less than 300 characters.
const LINE_BYTES_MAX: usize = 4096;

/// A public key whose signatures can be verified here: Ed25519 or ECDSA with P-256, in software or in a security key.
///
/// Two keys are the same when their key material is, whatever stands beside it as a comment.
#[derive(Clone)]
pub struct SshKey {
    key: PublicKey,
    id: Digest,
}

/// Why a line is no key that is taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SshKeyError {
    /// RSA is left out of this program.
    #[error(
        "RSA keys are not taken; make one with `ssh-keygen -t ed25519`, or `-t ed25519-sk` for a security key"
    )]
    Rsa,
    /// A certificate, not a key.
    #[error("certificates are not taken; write the public key itself")]
    Certificate,
    /// Another algorithm.
    #[error(
        "keys of the kind `{0}` are not taken: only ed25519 and ECDSA with nistp256, also on a security key"
    )]
    Algorithm(String),
    /// Not a line as `ssh-keygen` writes it.
    #[error("`{0}` is no public key as a `.pub` file of ssh-keygen holds it")]
    Form(String),
}

impl SshKey {
    /// Takes a key over, when its signatures can be verified.
    pub(super) fn of(data: KeyData) -> Result<Self, SshKeyError> {
        match &data {
            KeyData::Ed25519(_) | KeyData::SkEd25519(_) | KeyData::SkEcdsaSha2NistP256(_) => {}
            KeyData::Ecdsa(key) if key.curve() == EcdsaCurve::NistP256 => {}
            KeyData::Rsa(_) => return Err(SshKeyError::Rsa),
            other => return Err(SshKeyError::Algorithm(one_line(other.algorithm().as_str(), 40))),
        }
        let key = PublicKey::new(data, "");
        let Ok(blob) = key.to_bytes() else { return Err(SshKeyError::Form("its bytes".into())) };
        Ok(Self { id: Digest::of(&blob), key })
    }

    /// SHA-256 of the key material: what tells two keys apart.
    #[must_use]
    pub const fn id(&self) -> Digest {
        self.id
    }

    /// As `ssh-keygen -l` prints it: `SHA256:…`.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        self.key.fingerprint(HashAlg::Sha256).to_string()
    }

    /// Does it lie in a security key, whose signatures say whether somebody touched it?
    #[must_use]
    pub fn is_security_key(&self) -> bool {
        matches!(self.key.key_data(), KeyData::SkEd25519(_) | KeyData::SkEcdsaSha2NistP256(_))
    }

    pub(super) const fn inner(&self) -> &PublicKey {
        &self.key
    }
}

impl fmt::Display for SshKey {
    /// Its line without a comment: `ssh-ed25519 AAAA…`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = self.key.to_openssh().map_err(|_| fmt::Error)?;
        f.write_str(line.trim_end())
    }
}

impl fmt::Debug for SshKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SshKey({})", self.fingerprint())
    }
}

impl PartialEq for SshKey {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for SshKey {}

impl PartialOrd for SshKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for SshKey {
    fn cmp(&self, other: &Self) -> Ordering {
        self.id.cmp(&other.id)
    }
}

impl FromStr for SshKey {
    type Err = SshKeyError;

    fn from_str(line: &str) -> Result<Self, SshKeyError> {
        let form = || SshKeyError::Form(one_line(line, 60));
        let kind = line.split(' ').next().unwrap_or_default();
        if line.len() > LINE_BYTES_MAX || line.chars().any(char::is_control) {
            return Err(form());
        }
        if kind == "ssh-rsa" || kind.starts_with("rsa-sha2-") {
            return Err(SshKeyError::Rsa);
        }
        if kind.contains("-cert-v01@") {
            return Err(SshKeyError::Certificate);
        }
        let key = PublicKey::from_openssh(line).map_err(|_| form())?;
        Self::of(key.key_data().clone())
    }
}

impl Serialize for SshKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SshKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for SshKey {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "SshKey".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "A public key as a `.pub` file of ssh-keygen holds it, such as \"ssh-ed25519 AAAA… operator\"."
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";

    #[test]
    fn a_key_is_its_material_and_not_its_comment() {
        let (plain, named): (SshKey, SshKey) =
            (KEY.parse().expect("a key"), format!("{KEY} operator@laptop").parse().expect("a key"));
        assert_eq!((plain.id(), plain.to_string()), (named.id(), KEY.to_owned()));
        assert!(plain.fingerprint().starts_with("SHA256:") && !plain.is_security_key());
    }

    #[test]
    fn what_cannot_be_verified_is_no_key() {
        let refused = |line: &str| line.parse::<SshKey>().expect_err(line);
        assert_eq!(refused("ssh-rsa AAAAB3NzaC1yc2E="), SshKeyError::Rsa);
        let certificate = "ssh-ed25519-cert-v01@openssh.com AAAA";
        assert_eq!(refused(certificate), SshKeyError::Certificate);
        for bad in ["", "ssh-ed25519", "ssh-ed25519 AAAA", "ecdsa-sha2-nistp384 AAAA", "x\ny"] {
            assert!(matches!(refused(bad), SshKeyError::Form(_)), "{bad}");
        }
        let other = KEY.replace("ssh-ed25519 ", "ecdsa-sha2-nistp256 ");
        assert!(matches!(refused(&other), SshKeyError::Form(_)), "the word is not the key's");
    }
}
