//! Links, backups and keys: what lies on the host, what is wanted of it, and what happens to it.

use std::fs;
use std::os::unix::fs::{lchown, symlink};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use super::host::owner;
use super::{Case, by_root, case};
use crate::program::World;

const CERTIFICATE: &str = include_str!("assets/good.pem");
/// Of another name, by another issuer, with a smaller key, and expired.
const OTHER_CERTIFICATE: &str = include_str!("assets/bad.pem");

/// The fingerprints of the keys of [`gpg_key`].
const KEY: &str = "78F5063154454BC9B12C5AAC39AAE6C0FFCB09CE";
const LAST_OCTETS: [u8; 2] = [0xc1, 0xc3];
/// Until the year 2147, and until an hour after it was made.
const LONG: u32 = 4_000_000_000;
const SHORT: u32 = 3600;

/// Two keys of 32 equal octets each.
const SSH: [&str; 2] = [
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB one\n",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIC two\n",
];

/// A tiny RSA key with a signature over itself that says how many seconds it lasts.
fn gpg_key(which: usize, lasts: u32) -> Vec<u8> {
    let created = 1_600_000_000_u32.to_be_bytes();
    let packet =
        |tag: u8, body: &[u8]| [&[0xc0 | tag, u8::try_from(body.len()).unwrap()], body].concat();
    let public = [&[4], &created[..], &[1, 0, 8, LAST_OCTETS[which], 0, 2, 3]].concat();
    let digits = if which == 0 { KEY } else { "40F081DBB2AE99B9BF21344C3EFFB25C98EF9CC1" };
    let octet = |at: usize| u8::from_str_radix(&digits[at * 2..at * 2 + 2], 16).unwrap();
    let fingerprint: Vec<u8> = (0..20).map(octet).collect();
    let hashed = [&[5, 2], &created[..], &[5, 9], &lasts.to_be_bytes(), &[22, 33, 4], &fingerprint];
    let hashed = hashed.concat();
    let length = u8::try_from(hashed.len()).unwrap();
    let signature = [&[4, 0x13, 1, 8, 0, length], &hashed[..], &[0, 0]].concat();
    [packet(6, &public), packet(13, b"u"), packet(2, &signature)].concat()
}

fn keyring(world: &World, packets: &[Vec<u8>]) {
    fs::write(at(world, "srv/gnupg/pubring.gpg"), packets.concat()).unwrap();
}

fn at(world: &World, path: &str) -> PathBuf {
    world.path("root").join(path)
}

fn age(world: &World, path: &str, hours: u64) {
    let file = fs::File::options().write(true).open(at(world, path)).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_hours(hours)).unwrap();
}

/// Puts a link in the place of another.
fn relink(world: &World, target: &str) {
    fs::remove_file(at(world, "srv/current")).unwrap();
    symlink(target, at(world, "srv/current")).unwrap();
}

pub(crate) fn lay_out(world: &World) {
    world.host_file("srv/linked/file", "x");
    symlink("linked", at(world, "srv/current")).unwrap();
    world.host_file("srv/backups/a.gpg", "abc");
    world.host_file("srv/backups/b.gpg", "abc");
    let digest = countersign::model::Digest::of(b"abc");
    world.host_file("srv/backups/b.gpg.sha256", format!("{digest}  b.gpg\n"));
    age(world, "srv/backups/a.gpg", 30);
    world.host_folder("srv/gnupg", 0o700);
    keyring(world, &[gpg_key(0, LONG)]);
    world.host_file("srv/authorized_keys", format!("restrict {}", SSH[0]));
    world.host_file("srv/site.pem", CERTIFICATE);
}

pub(crate) fn resources() -> String {
    let me = owner();
    format!(
        r#"
[symlink."/srv/current"]
target = "linked"
owner = "{me}"
group = "{me}"
target_exists = true
inside = "/srv/linked"
[symlink."/srv/no-link"]
present = false
[freshness.backup]
directory = "/srv/backups"
pattern = "*.gpg"
younger_than = "26h"
bytes_at_least = 3
count_at_least = 2
count_at_most = 2
sha256_file = ".sha256"
[gpg_key."/srv/gnupg/*"]
only = ["/srv/gnupg/{KEY}"]
public_only = true
[gpg_key."/srv/gnupg/{KEY}"]
valid_for = "30d"
[gpg_key."/srv/gnupg/40F081DBB2AE99B9BF21344C3EFFB25C98EF9CC1"]
present = false
[ssh_authorized_key."deploy/*"]
file = "/srv/authorized_keys"
only = ["deploy/SHA256:RXm/ruZ0eTzRXKwi1AQEDynB0VgHQ2ac9KPSFdf/YnA"]
[ssh_authorized_key."deploy/SHA256:RXm/ruZ0eTzRXKwi1AQEDynB0VgHQ2ac9KPSFdf/YnA"]
file = "/srv/authorized_keys"
options = ["restrict"]
[ssh_authorized_key."deploy/SHA256:baqJQcVDEweKmw1OiZxGooCG2MGxYtwsQQzzOstxmiA"]
file = "/srv/authorized_keys"
present = false
[x509."/srv/site.pem"]
sha256 = "3bc30ada22cec00835490d275e78da60bfcab7088635905c08d8635d45e49197"
subject_cn = "site"
names = ["www.example.org"]
covers = ["www.example.org"]
issuer = "CN=site"
self_signed = true
valid_for = "14d"
algorithm = "rsa2048"
bits_at_least = 2048
private_key = false
[x509."/srv/no.pem"]
present = false
"#
    )
}

pub(crate) fn all() -> Vec<Case> {
    let mut cases = links();
    cases.extend(backups());
    cases.extend(keys());
    cases.extend(certificates());
    cases
}

fn links() -> Vec<Case> {
    vec![
        case(
            "a link leads out of its folder",
            |w| relink(w, "dir"),
            &[("symlink./srv/current", "target"), ("symlink./srv/current", "inside")],
        ),
        case(
            "a link leads to nothing",
            |w| relink(w, "gone"),
            &[("symlink./srv/current", "target"), ("symlink./srv/current", "target_exists")],
        ),
        case(
            "a link that shall not exist is made",
            |w| symlink("x", at(w, "srv/no-link")).unwrap(),
            &[("symlink./srv/no-link", "presence")],
        ),
        by_root(
            "a link belongs to another account",
            |w| lchown(at(w, "srv/current"), Some(12_345), None).unwrap(),
            &[("symlink./srv/current", "owner")],
        ),
        by_root(
            "a link belongs to another group",
            |w| lchown(at(w, "srv/current"), None, Some(12_345)).unwrap(),
            &[("symlink./srv/current", "group")],
        ),
    ]
}

fn backups() -> Vec<Case> {
    vec![
        case(
            "no backup has been made for two days",
            |w| {
                age(w, "srv/backups/a.gpg", 100);
                age(w, "srv/backups/b.gpg", 48);
            },
            &[("freshness.backup", "younger_than")],
        ),
        case(
            "the newest backup is cut short",
            |w| w.host_file("srv/backups/b.gpg", "a"),
            &[("freshness.backup", "bytes_at_least"), ("freshness.backup", "sha256")],
        ),
        case(
            "an old backup is removed",
            |w| fs::remove_file(at(w, "srv/backups/a.gpg")).unwrap(),
            &[("freshness.backup", "count_at_least")],
        ),
        case(
            "old backups are no longer removed",
            |w| {
                w.host_file("srv/backups/c.gpg", "abc");
                age(w, "srv/backups/c.gpg", 50);
            },
            &[("freshness.backup", "count_at_most")],
        ),
        case(
            "the list beside a backup is not written",
            |w| fs::remove_file(at(w, "srv/backups/b.gpg.sha256")).unwrap(),
            &[("freshness.backup", "sha256_file")],
        ),
    ]
}

fn keys() -> Vec<Case> {
    const LISTED: &str = "gpg_key./srv/gnupg/*";
    const ONE: &str = "gpg_key./srv/gnupg/78F5063154454BC9B12C5AAC39AAE6C0FFCB09CE";
    const TWO: &str = "gpg_key./srv/gnupg/40F081DBB2AE99B9BF21344C3EFFB25C98EF9CC1";
    const SSH_LISTED: &str = "ssh_authorized_key.deploy/*";
    const SSH_ONE: &str =
        "ssh_authorized_key.deploy/SHA256:RXm/ruZ0eTzRXKwi1AQEDynB0VgHQ2ac9KPSFdf/YnA";
    const SSH_TWO: &str =
        "ssh_authorized_key.deploy/SHA256:baqJQcVDEweKmw1OiZxGooCG2MGxYtwsQQzzOstxmiA";
    vec![
        case(
            "a second key is imported into a keyring",
            |w| keyring(w, &[gpg_key(0, LONG), gpg_key(1, LONG)]),
            &[(LISTED, "/srv/gnupg/40F081DBB2AE99B9BF21344C3EFFB25C98EF9CC1"), (TWO, "presence")],
        ),
        case(
            "the key of a keyring is replaced by one that has expired",
            |w| keyring(w, &[gpg_key(0, SHORT)]),
            &[(ONE, "expires")],
        ),
        case(
            "a revocation is imported",
            |w| keyring(w, &[gpg_key(0, LONG), vec![0xc2, 8, 4, 0x20, 1, 8, 0, 0, 0, 0]]),
            &[(ONE, "revoked")],
        ),
        case(
            "a private key appears beside public ones",
            |w| w.host_file("srv/gnupg/private-keys-v1.d/AB.key", "x"),
            &[(LISTED, "public_only")],
        ),
        case(
            "a second key may log in",
            |w| w.host_file("srv/authorized_keys", format!("restrict {}{}", SSH[0], SSH[1])),
            &[
                (SSH_LISTED, "deploy/SHA256:baqJQcVDEweKmw1OiZxGooCG2MGxYtwsQQzzOstxmiA"),
                (SSH_TWO, "presence"),
            ],
        ),
        case(
            "a key that may log in becomes one that signs others",
            |w| w.host_file("srv/authorized_keys", format!("restrict,cert-authority {}", SSH[0])),
            &[(SSH_ONE, "options")],
        ),
    ]
}

fn certificates() -> Vec<Case> {
    const SITE: &str = "x509./srv/site.pem";
    vec![
        case(
            "a certificate is replaced by one that is wrong in everything",
            |w| w.host_file("srv/site.pem", OTHER_CERTIFICATE),
            &[
                (SITE, "sha256"),
                (SITE, "subject_cn"),
                (SITE, "names"),
                (SITE, "covers.www.example.org"),
                (SITE, "issuer"),
                (SITE, "self_signed"),
                (SITE, "not_after"),
                (SITE, "algorithm"),
                (SITE, "bits_at_least"),
            ],
        ),
        case(
            "a private key is appended to a certificate",
            |w| {
                let key = "-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----\n";
                w.host_file("srv/site.pem", format!("{CERTIFICATE}{key}"));
            },
            &[(SITE, "private_key")],
        ),
        case(
            "a certificate that shall not exist appears",
            |w| w.host_file("srv/no.pem", CERTIFICATE),
            &[("x509./srv/no.pem", "presence")],
        ),
    ]
}
