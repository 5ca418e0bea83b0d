//! Signatures of security keys made in software, and blocks that are not what they seem.

use ed25519_dalek::{Signer as _, SigningKey};
use sha2::{Digest as _, Sha256, Sha512};

use super::*;

const NAMESPACE: &str = "countersign/approval/v1";
const APPLICATION: &str = "ssh:";

fn lengthened(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).expect("short").to_be_bytes();
    [&length[..], bytes].concat()
}

fn security_key(message: &[u8], namespace: &str, flags: u8) -> String {
    signed_by_security_key(7, message, namespace, flags)
}

/// The signature of a security key of this number that saw what `flags` say, armoured.
pub(crate) fn signed_by_security_key(
    number: u8,
    message: &[u8],
    namespace: &str,
    flags: u8,
) -> String {
    let secret = SigningKey::from_bytes(&[number; 32]);
    let public = secret.verifying_key();
    let kind = lengthened(b"sk-ssh-ed25519@openssh.com");
    let key =
        [kind.clone(), lengthened(public.as_bytes()), lengthened(APPLICATION.as_bytes())].concat();
    let parts = [lengthened(namespace.as_bytes()), lengthened(b""), lengthened(b"sha512")].concat();
    let signed = [&b"SSHSIG"[..], &parts, &lengthened(&Sha512::digest(message))].concat();
    let trailer = [&[flags][..], &9u32.to_be_bytes()].concat();
    let asked =
        [&Sha256::digest(APPLICATION.as_bytes())[..], &trailer, &Sha256::digest(&signed)[..]]
            .concat();
    let raw = lengthened(&secret.sign(&asked).to_bytes());
    let signature = lengthened(&[kind, raw, trailer].concat());
    let blob =
        [&b"SSHSIG"[..], &1u32.to_be_bytes(), &lengthened(&key), &parts, &signature].concat();
    armour(&blob)
}

/// The public key of that security key, as a line of a `.pub` file.
pub(crate) fn security_key_line(number: u8) -> String {
    let signature = signed_by_security_key(number, b"", NAMESPACE, 0);
    verify(signature.as_bytes(), b"", NAMESPACE).expect("good").key.to_string()
}

fn blob(armoured: &str) -> Vec<u8> {
    unarmour(armoured.as_bytes()).expect("a block")
}

#[test]
fn touch_and_pin_are_told_apart() {
    for (flags, touched, pin) in
        [(0x00, false, false), (0x01, true, false), (0x04, false, true), (0x05, true, true)]
    {
        let signature = security_key(b"text", NAMESPACE, flags);
        let verified = verify(signature.as_bytes(), b"text", NAMESPACE).expect("good");
        assert_eq!((verified.touched, verified.pin), (touched, pin), "{flags:#x}");
        assert!(verified.key.is_security_key());
    }
}

#[test]
fn flags_cannot_be_added_afterwards() {
    let mut bytes = blob(&security_key(b"text", NAMESPACE, 0x00));
    let flags = bytes.len() - TRAILER;
    bytes[flags] = 0x05;
    assert_eq!(verify(armour(&bytes).as_bytes(), b"text", NAMESPACE), Err(SignatureError::Wrong));
}

#[test]
fn a_changed_byte_anywhere_is_noticed() {
    let good = blob(&security_key(b"text", NAMESPACE, 0x05));
    for at in 0..good.len() {
        let mut bytes = good.clone();
        bytes[at] ^= 0x01;
        assert!(verify(armour(&bytes).as_bytes(), b"text", NAMESPACE).is_err(), "byte {at}");
    }
    let signature = armour(&good);
    assert_eq!(verify(signature.as_bytes(), b"texT", NAMESPACE), Err(SignatureError::Wrong));
    let longer = [&good[..], b"x"].concat();
    assert_eq!(verify(armour(&longer).as_bytes(), b"text", NAMESPACE), Err(SignatureError::Form));
}

#[test]
fn another_purpose_is_another_signature() {
    let signature = security_key(b"text", "git", 0x05);
    let refused = verify(signature.as_bytes(), b"text", NAMESPACE).expect_err("refused");
    assert!(matches!(&refused, SignatureError::Namespace { found, .. } if found == "git"));
}

#[test]
fn one_block_is_the_whole_file() {
    let good = security_key(b"text", NAMESPACE, 0x05);
    verify(good.trim_end().as_bytes(), b"text", NAMESPACE).expect("without its last newline");
    for bad in [
        format!("x\n{good}"),
        format!("\n{good}"),
        format!("{good}x\n"),
        format!("{good}\n"),
        format!("{good}{good}"),
        good.replace('\n', "\r\n"),
        good.replace(END, "-----END SSH SIGNATURE----"),
        good.replace('\n', " \n"),
        good.replacen('A', "-", 1),
        String::new(),
        "A".repeat(SIGNATURE_BYTES_MAX + 1),
    ] {
        let refused = verify(bad.as_bytes(), b"text", NAMESPACE).expect_err("refused");
        assert!(matches!(refused, SignatureError::Armour(_)), "{refused}: {bad}");
    }
}

#[test]
fn versions_and_fields_without_a_meaning_are_refused() {
    let good = blob(&security_key(b"text", NAMESPACE, 0x05));
    let mut version = good.clone();
    version[9] = 0;
    assert_eq!(verify(armour(&version).as_bytes(), b"text", NAMESPACE), Err(SignatureError::Form));
    let mut reserved = good.clone();
    let at = reserved.windows(6).position(|six| six == b"sha512").expect("the hash") - 8;
    reserved.splice(at..at + 4, [0, 0, 0, 1, b'x']);
    assert_eq!(verify(armour(&reserved).as_bytes(), b"text", NAMESPACE), Err(SignatureError::Form));
}

#[test]
fn a_certificate_is_no_key() {
    let (namespace, text) = (lengthened(NAMESPACE.as_bytes()), lengthened(b"x"));
    let key = lengthened(&[lengthened(b"ssh-ed25519-cert-v01@openssh.com"), text.clone()].concat());
    let blob =
        [&b"SSHSIG"[..], &1u32.to_be_bytes(), &key, &namespace, &lengthened(b""), &text, &text];
    let refused =
        verify(armour(&blob.concat()).as_bytes(), b"text", NAMESPACE).expect_err("refused");
    assert_eq!(refused, SignatureError::Key(SshKeyError::Certificate));
}
