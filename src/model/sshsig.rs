//! SSH signatures of files (SSHSIG), as `ssh-keygen -Y sign` and `git commit -S` make them: verified here, without a program.
//!
//! Verifying says which key signed which bytes for which purpose, and what a security key says about the moment. Whose key
//! that is, and whether it may, others decide.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ssh_key::SshSig;

use super::Digest;
use super::display::one_line;
use super::ssh_key::{SshKey, SshKeyError};

const BEGIN: &str = "-----BEGIN SSH SIGNATURE-----";
const END: &str = "-----END SSH SIGNATURE-----";
/// How long the lines of a block are, as `ssh-keygen` writes it.
const LINE_WIDTH: usize = 70;
/// The longest signature that is read; real ones have less than 500 bytes.
pub const SIGNATURE_BYTES_MAX: usize = 8 << 10;
/// The magic word and the version, before the key.
const HEAD: usize = 6 + 4;
/// A security key adds one byte of flags and a counter of four to what it signs.
const TRAILER: usize = 5;
/// Somebody touched the key.
const USER_PRESENT: u8 = 0x01;
/// Somebody proved to the key who he is, by PIN or fingerprint.
const USER_VERIFIED: u8 = 0x04;

/// What a signature proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The key that signed.
    pub key: SshKey,
    /// Did the security key see a touch? Never true of a key in software.
    pub touched: bool,
    /// Did the security key see a PIN or a fingerprint? Never true of a key in software.
    pub pin: bool,
}

/// Why a signature proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// Not one armoured block and nothing else.
    #[error("the signature is not exactly one block `{BEGIN}` … `{END}`: {0}")]
    Armour(&'static str),
    /// What the block holds is no signature.
    #[error("the signature cannot be read")]
    Form,
    /// Made by a key of a kind that is not taken, or by a certificate.
    #[error(transparent)]
    Key(#[from] SshKeyError),
    /// Made for another purpose.
    #[error("it was signed for the namespace `{found}`, not for `{wanted}`")]
    Namespace {
        /// What it was made for.
        found: String,
        /// What it had to be made for.
        wanted: String,
    },
    /// The bytes are not the ones that were signed.
    #[error("the signature is not one of these bytes")]
    Wrong,
}

/// Verifies that `armoured` is a signature of `message` for `namespace`.
///
/// # Errors
/// When it is not. Text before or after the block is refused: programs disagree about what it means.
pub fn verify(
    armoured: &[u8],
    message: &[u8],
    namespace: &str,
) -> Result<Verified, SignatureError> {
    let bytes = unarmour(armoured)?;
    let (blob, raw) = parts(&bytes).ok_or(SignatureError::Form)?;
    let kind = string(blob).and_then(|(kind, _)| std::str::from_utf8(kind).ok());
    if kind.is_some_and(|kind| kind.contains("-cert-v01@")) {
        return Err(SshKeyError::Certificate.into());
    }
    let signature = SshSig::from_pem(armour(&bytes)).map_err(|_| SignatureError::Form)?;
    // Version 0 and a filled reserved field have no meaning yet.
    if signature.version() != 1 || !signature.reserved().is_empty() {
        return Err(SignatureError::Form);
    }
    let key = SshKey::of(signature.public_key().clone())?;
    // The decoder is lenient about lengths; one signature has one form here.
    if Digest::of(blob) != key.id() || !is_whole(raw, key.is_security_key()) {
        return Err(SignatureError::Form);
    }
    let found = signature.namespace();
    if found != namespace {
        let (found, wanted) = (one_line(found, 60), namespace.to_owned());
        return Err(SignatureError::Namespace { found, wanted });
    }
    if signature.algorithm() != key.inner().algorithm() {
        return Err(SignatureError::Form);
    }
    key.inner().verify(namespace, message, &signature).map_err(|_| SignatureError::Wrong)?;
    let flags = flags(&key, signature.signature_bytes());
    let has = |bit: u8| flags.is_some_and(|flags| flags & bit != 0);
    Ok(Verified { touched: has(USER_PRESENT), pin: has(USER_VERIFIED), key })
}

/// What a security key says about the moment. The bytes are part of what it signed.
fn flags(key: &SshKey, raw: &[u8]) -> Option<u8> {
    if !key.is_security_key() {
        return None;
    }
    raw.len().checked_sub(TRAILER).and_then(|at| raw.get(at)).copied()
}

/// The key and the signature within a block, when every length in it is exact.
fn parts(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (key, rest) = string(bytes.get(HEAD..)?)?;
    let (_namespace, rest) = string(rest)?;
    let (_reserved, rest) = string(rest)?;
    let (_hash, rest) = string(rest)?;
    let (signature, rest) = string(rest)?;
    rest.is_empty().then_some((key, signature))
}

/// Is it an algorithm, a signature, of a security key its trailer, and nothing else?
fn is_whole(signature: &[u8], security_key: bool) -> bool {
    let rest = string(signature).and_then(|(_algorithm, rest)| string(rest));
    rest.is_some_and(|(_raw, rest)| rest.len() == if security_key { TRAILER } else { 0 })
}

/// A string of the wire format, and what follows it.
fn string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
}

fn unarmour(armoured: &[u8]) -> Result<Vec<u8>, SignatureError> {
    let refused = |why| Err(SignatureError::Armour(why));
    if armoured.len() > SIGNATURE_BYTES_MAX {
        return refused("it is too long");
    }
    let Ok(text) = std::str::from_utf8(armoured) else { return refused("it is no text") };
    let text = text.strip_suffix('\n').unwrap_or(text);
    let Some(body) = text.strip_prefix(BEGIN).and_then(|rest| rest.strip_prefix('\n')) else {
        return refused("it begins with something else");
    };
    let Some(body) = body.strip_suffix(END).and_then(|rest| rest.strip_suffix('\n')) else {
        return refused("it ends with something else");
    };
    if !body.bytes().all(|c| c.is_ascii_alphanumeric() || b"+/=\n".contains(&c)) {
        return refused("it holds something else");
    }
    STANDARD.decode(body.replace('\n', "")).map_err(|_| SignatureError::Armour("it is no base64"))
}

/// As `ssh-keygen` writes it.
fn armour(bytes: &[u8]) -> String {
    let text = STANDARD.encode(bytes);
    let mut armoured = format!("{BEGIN}\n");
    for (at, c) in text.chars().enumerate() {
        if at > 0 && at % LINE_WIDTH == 0 {
            armoured.push('\n');
        }
        armoured.push(c);
    }
    armoured + "\n" + END + "\n"
}

#[cfg(test)]
pub(crate) mod tests;
