//! The first certificate of a file: what it says about itself. Nothing is verified, and no private key is decoded.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::Path;

use serde::{Deserialize, Serialize};
use x509_cert::Certificate;
use x509_cert::der::asn1::{Ia5StringRef, ObjectIdentifier, PrintableStringRef, Utf8StringRef};
use x509_cert::der::asn1::{TeletexStringRef, UintRef};
use x509_cert::der::{Decode as _, Encode as _, SliceReader};
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::name::Name;
use x509_cert::spki::SubjectPublicKeyInfoOwned;

use super::armor;
use super::host::{Contents, FileType, Host, Links};
use crate::model::display::{escape, escape_bytes};
use crate::model::{Digest, Reason, Timestamp, Unknown, shown_path};

/// The most bytes of a file: a bundle of all authorities has a quarter of a million.
const BYTES_MAX: u64 = 4 << 20;
/// The most names of one certificate.
const NAMES_MAX: usize = 10_000;

const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
/// Algorithms and curves by the names that OpenSSL gives them.
const NAMED: [(&str, &str); 6] = [
    ("1.2.840.10045.3.1.7", "prime256v1"),
    ("1.3.132.0.34", "secp384r1"),
    ("1.3.132.0.35", "secp521r1"),
    ("1.3.101.112", "ed25519"),
    ("1.3.101.113", "ed448"),
    ("1.2.840.10040.4.1", "dsa"),
];

/// What stands at the path of a certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Found {
    /// Nothing.
    Absent,
    /// No regular file.
    Other(FileType),
    /// A file with a certificate.
    Held {
        /// The first one.
        certificate: Box<Facts>,
        /// How many there are.
        certificates: u64,
        /// Does a private key stand in the same file?
        private_key: bool,
    },
}

/// What a certificate says. Texts are escaped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Of its DER: what browsers and `openssl x509 -fingerprint -sha256` show.
    pub sha256: Digest,
    /// The last common name of the subject.
    pub subject_cn: Option<String>,
    /// The alternative names: DNS names, addresses, URIs, and mail addresses, in the order of their bytes.
    pub names: Vec<String>,
    /// As RFC 4514 writes it.
    pub issuer: String,
    /// Are subject and issuer the same? The signature is not verified.
    pub self_issued: bool,
    /// From when on it is valid.
    pub not_before: Timestamp,
    /// Until when.
    pub not_after: Timestamp,
    /// As in `rsa2048`, `prime256v1`, `ed25519`.
    pub algorithm: String,
    /// Of an RSA modulus.
    pub bits: Option<u32>,
}

/// Reads a certificate.
///
/// # Errors
/// Unknown, when the file cannot be read or holds none.
pub fn read(host: &Host, path: &Path, links: Links) -> Result<Found, Unknown> {
    match host.contents(path, links, BYTES_MAX)? {
        Contents::Absent => Ok(Found::Absent),
        Contents::Other(stat) => Ok(Found::Other(stat.file_type)),
        Contents::Regular(_, bytes) => held(&bytes).map_err(|why| {
            Unknown::new(Reason::Malformed, format!("`{}` {why}", shown_path(path)))
        }),
    }
}

fn held(bytes: &[u8]) -> Result<Found, String> {
    // A certificate in DER is a sequence, and no text begins with that byte and a length of two bytes.
    if bytes.starts_with(&[0x30, 0x82]) {
        let certificate = Box::new(facts(bytes)?);
        return Ok(Found::Held { certificate, certificates: 1, private_key: false });
    }
    let blocks = armor::blocks(bytes)?;
    let private_key = blocks.iter().any(|block| block.label.ends_with("PRIVATE KEY"));
    let is_certificate = |label: &str| matches!(label, "CERTIFICATE" | "X509 CERTIFICATE");
    let mut certificates = blocks.iter().filter(|block| is_certificate(block.label));
    let Some(first) = certificates.next() else {
        return Err("holds no certificate".to_owned());
    };
    let certificate = Box::new(facts(&first.decode()?)?);
    let certificates = 1 + certificates.count() as u64;
    Ok(Found::Held { certificate, certificates, private_key })
}

fn facts(der: &[u8]) -> Result<Facts, String> {
    let unreadable = |error| format!("holds a certificate that cannot be read: {error}");
    let certificate = Certificate::from_der(der).map_err(unreadable)?;
    let body = &certificate.tbs_certificate;
    let at = |time: x509_cert::time::Time| {
        let seconds = time.to_unix_duration().as_secs();
        Timestamp::from_unix_seconds(i64::try_from(seconds).unwrap_or(i64::MAX))
    };
    let names = match body.get::<SubjectAltName>().map_err(unreadable)? {
        Some((_, SubjectAltName(names))) if names.len() > NAMES_MAX => {
            return Err(format!("holds a certificate with more than {NAMES_MAX} names"));
        }
        Some((_, SubjectAltName(names))) => names_of(&names),
        None => Vec::new(),
    };
    let (algorithm, bits) = algorithm(&body.subject_public_key_info);
    Ok(Facts {
        sha256: Digest::of(der),
        subject_cn: common_name(&body.subject),
        names,
        issuer: escape(&body.issuer.to_string()).into_owned(),
        self_issued: body.issuer == body.subject,
        not_before: at(body.validity.not_before),
        not_after: at(body.validity.not_after),
        algorithm,
        bits,
    })
}

fn common_name(name: &Name) -> Option<String> {
    let mut parts = name.0.iter().flat_map(|part| part.0.iter());
    let value = &parts.rfind(|part| part.oid == COMMON_NAME)?.value;
    let utf8 = || value.decode_as::<Utf8StringRef<'_>>().ok().map(|text| text.to_string());
    let printable = || value.decode_as::<PrintableStringRef<'_>>().ok().map(|t| t.to_string());
    let ia5 = || value.decode_as::<Ia5StringRef<'_>>().ok().map(|text| text.to_string());
    let teletex = || value.decode_as::<TeletexStringRef<'_>>().ok().map(|text| text.to_string());
    let text = utf8().or_else(printable).or_else(ia5).or_else(teletex);
    Some(text.map_or_else(|| escape_bytes(value.value()), |text| escape(&text).into_owned()))
}

fn names_of(names: &[GeneralName]) -> Vec<String> {
    let name = |name: &GeneralName| match name {
        GeneralName::DnsName(text)
        | GeneralName::Rfc822Name(text)
        | GeneralName::UniformResourceIdentifier(text) => escape(text.as_str()).into_owned(),
        GeneralName::IpAddress(octets) => address(octets.as_bytes()),
        other => format!("name of type {}", other.to_der().map_or(0, |der| der[0] & 0x1f)),
    };
    let mut names: Vec<String> = names.iter().map(name).collect();
    names.sort();
    names.dedup();
    names
}

fn address(octets: &[u8]) -> String {
    if let Ok(four) = <[u8; 4]>::try_from(octets) {
        return Ipv4Addr::from(four).to_string();
    }
    match <[u8; 16]>::try_from(octets) {
        Ok(sixteen) => Ipv6Addr::from(sixteen).to_string(),
        Err(_) => format!("address {}", escape_bytes(octets)),
    }
}

/// The algorithm of a key, and the bits of its modulus where it has one.
fn algorithm(key: &SubjectPublicKeyInfoOwned) -> (String, Option<u32>) {
    let named = |oid: ObjectIdentifier| {
        let text = oid.to_string();
        NAMED.iter().find(|(known, _)| *known == text).map_or(text, |(_, name)| (*name).to_owned())
    };
    let algorithm = &key.algorithm;
    if algorithm.oid == RSA {
        let bits = modulus_bits(key.subject_public_key.raw_bytes());
        return (bits.map_or_else(|| "rsa".to_owned(), |bits| format!("rsa{bits}")), bits);
    }
    let curve = algorithm.parameters.as_ref().filter(|_| algorithm.oid == EC);
    let curve = curve.and_then(|curve| curve.decode_as::<ObjectIdentifier>().ok());
    (named(curve.unwrap_or(algorithm.oid)), None)
}

/// `SEQUENCE { modulus INTEGER, publicExponent INTEGER }`
fn modulus_bits(der: &[u8]) -> Option<u32> {
    use x509_cert::der::Reader as _;
    let mut reader = SliceReader::new(der).ok()?;
    let bits = reader.sequence(|inner| {
        let modulus = UintRef::decode(inner)?;
        UintRef::decode(inner)?;
        let bytes = modulus.as_bytes();
        let first = bytes.first().map_or(8, |byte| byte.leading_zeros());
        Ok(u32::try_from(bytes.len()).unwrap_or(u32::MAX / 8) * 8 - first)
    });
    bits.ok()
}

#[cfg(test)]
mod tests;
