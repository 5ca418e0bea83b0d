//! What is read of a certificate against OpenSSL, and what is no certificate.

use std::process::Command;

use proptest::prelude::*;

use super::*;
use crate::config::Policy;

/// Runs `openssl`; `None` where there is none, said loudly.
fn openssl(folder: &Path, arguments: &[&str]) -> Option<String> {
    let ran = Command::new("openssl").args(arguments).current_dir(folder).output();
    let Ok(ran) = ran else {
        eprintln!("SKIPPED, nothing was tested: no `openssl` on this machine");
        return None;
    };
    assert!(ran.status.success(), "{arguments:?} {}", String::from_utf8_lossy(&ran.stderr));
    Some(String::from_utf8_lossy(&ran.stdout).into_owned())
}

fn read_file(folder: &Path, name: &str) -> Result<Found, Unknown> {
    let host = Host::open(folder, Policy::everything()).expect("a root");
    read(&host, Path::new(&format!("/{name}")), Links::Refuse)
}

fn field(text: &str, name: &str) -> String {
    let line = text.lines().find_map(|line| line.strip_prefix(name)).expect(name);
    line.trim_start_matches('=').to_owned()
}

#[test]
fn openssl_and_we_read_the_same_certificate() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    for (name, key, subject) in [
        ("rsa", &["rsa:2048"][..], "/C=DE/O=Example, Inc./CN=www.example.org"),
        ("ec", &["ec", "-pkeyopt", "ec_paramgen_curve:P-384"], "/O=ä+ö/CN=first/CN=second"),
        ("ed", &["ed25519"], "/CN=ed"),
    ] {
        let names =
            "subjectAltName=DNS:www.example.org,DNS:*.example.net,IP:10.1.2.3,IP:fe80::1,email:a@b";
        let (pem, key_file) = (format!("{name}.pem"), format!("{name}.key"));
        let command = [
            &["req", "-x509", "-utf8", "-nodes", "-days", "40", "-subj", subject, "-addext", names]
                [..],
            &["-multivalue-rdn", "-keyout", &key_file, "-out", &pem, "-newkey"],
            key,
        ]
        .concat();
        let Some(_) = openssl(folder, &command) else { return };
        let show = ["x509", "-noout", "-in", &pem, "-fingerprint", "-sha256", "-issuer", "-dates"];
        let show = [&show[..], &["-dateopt", "iso_8601", "-nameopt", "RFC2253,-esc_msb"]].concat();
        let told = openssl(folder, &show).expect("openssl");
        let Ok(Found::Held { certificate, certificates: 1, private_key: false }) =
            read_file(folder, &pem)
        else {
            panic!("{:?}", read_file(folder, &pem));
        };
        let fingerprint = field(&told, "sha256 Fingerprint").replace(':', "").to_lowercase();
        assert_eq!(certificate.sha256.to_string(), fingerprint);
        assert_eq!(certificate.issuer.replace("\\\\", "\\"), field(&told, "issuer"), "{name}");
        let date = |name: &str| field(&told, name).replacen(' ', "T", 1);
        assert_eq!(certificate.not_before.to_string(), date("notBefore"));
        assert_eq!(certificate.not_after.to_string(), date("notAfter"));
        assert!(certificate.self_issued);
        let names = ["*.example.net", "10.1.2.3", "a@b", "fe80::1", "www.example.org"];
        assert_eq!(certificate.names, names);
        let (algorithm, bits, cn) = match name {
            "rsa" => ("rsa2048", Some(2048), "www.example.org"),
            "ec" => ("secp384r1", None, "second"),
            _ => ("ed25519", None, "ed"),
        };
        assert_eq!((certificate.algorithm.as_str(), certificate.bits), (algorithm, bits));
        assert_eq!(certificate.subject_cn.as_deref(), Some(cn));
        forms(folder, &pem, &key_file, &certificate);
    }
}

/// The same certificate as DER, behind its private key, in a chain, and damaged.
fn forms(folder: &Path, pem: &str, key: &str, expected: &Facts) {
    openssl(folder, &["x509", "-in", pem, "-outform", "DER", "-out", "der"]);
    let text = std::fs::read(folder.join(pem)).expect("a certificate");
    let key = std::fs::read(folder.join(key)).expect("a key");
    std::fs::write(folder.join("both"), [&key[..], &text].concat()).expect("written");
    std::fs::write(folder.join("chain"), text.repeat(3)).expect("written");
    std::fs::write(folder.join("key"), &key).expect("written");
    for (file, count, with_key) in [("der", 1, false), ("both", 1, true), ("chain", 3, false)] {
        let certificate = Box::new(expected.clone());
        let held = Found::Held { certificate, certificates: count, private_key: with_key };
        assert_eq!(read_file(folder, file), Ok(held), "{file}");
    }
    let reason = |name: &str| read_file(folder, name).map_err(|unknown| unknown.reason);
    assert_eq!(reason("key"), Err(Reason::Malformed), "a file without a certificate");
    let der = std::fs::read(folder.join("der")).expect("DER");
    std::fs::write(folder.join("cut"), &der[..der.len() - 1]).expect("written");
    assert_eq!(reason("cut"), Err(Reason::Malformed));
    for at in 0..der.len() {
        let mut damaged = der.clone();
        damaged[at] ^= 0xff;
        let _ = held(&damaged);
    }
}

#[test]
fn what_is_no_certificate_is_told_apart() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("text"), "hello").expect("written");
    std::fs::create_dir(folder.path().join("d")).expect("a folder");
    let read = |name: &str| read_file(folder.path(), name).map_err(|unknown| unknown.reason);
    assert_eq!(read("none"), Ok(Found::Absent));
    assert_eq!(read("d"), Ok(Found::Other(FileType::Directory)));
    assert_eq!(read("text"), Err(Reason::Malformed));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in any::<Vec<u8>>()) {
        let _ = held(&bytes);
        let _ = facts(&bytes);
        let _ = modulus_bits(&bytes);
        let _ = address(&bytes);
    }
}
