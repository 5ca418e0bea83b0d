//! The parser against GnuPG itself, and against everything that is no keyring.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use proptest::prelude::*;

use super::*;
use crate::config::Policy;
use crate::probe::host::{Host, Links};

/// A home of GnuPG; its agent ends with it.
struct Home(tempfile::TempDir);

impl Home {
    /// `None` where there is no `gpg`, said loudly.
    fn new() -> Option<Self> {
        if Command::new("gpg").arg("--version").stdout(Stdio::null()).status().is_err() {
            eprintln!("SKIPPED: no `gpg` on this machine, so nothing was compared with it");
            return None;
        }
        // Sockets have short names, so the folder must have one.
        let folder = tempfile::Builder::new().prefix("gpg").tempdir_in("/tmp").expect("a folder");
        Some(Self(folder))
    }

    fn gpg(&self, arguments: &[&str]) -> Vec<u8> {
        let ran = Command::new("gpg")
            .args(["--batch", "--yes", "--quiet", "--no-tty", "--pinentry-mode", "loopback"])
            .args(["--passphrase", "", "--homedir"])
            .arg(self.0.path())
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .expect("gpg");
        assert!(ran.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&ran.stderr));
        ran.stdout
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn ring(&self) -> Result<Vec<Key>, Unknown> {
        let host = Host::open(self.0.path(), Policy::everything()).expect("a root");
        read(&host, Path::new("/"), Links::Refuse).map(|ring| ring.keys)
    }

    /// What gpg says of its own keyring, or of a file.
    fn told(&self, file: Option<&Path>) -> BTreeMap<String, String> {
        let mut arguments = vec!["--fixed-list-mode", "--with-colons"];
        match file {
            Some(file) => arguments.extend(["--show-keys", file.to_str().expect("UTF-8")]),
            None => arguments.push("--list-keys"),
        }
        told(&String::from_utf8_lossy(&self.gpg(&arguments)))
    }
}

/// A listing as lines: fingerprint, then algorithm, creation, expiry, whether it is revoked, and the last of the subkeys
/// that encrypt.
fn told(listed: &str) -> BTreeMap<String, String> {
    let mut told: BTreeMap<String, (String, bool, Option<i64>)> = BTreeMap::new();
    let (mut public, mut of) = (None, String::new());
    let expiry = |field: &str| field.parse().unwrap_or(i64::MAX);
    for line in listed.lines() {
        let fields: Vec<&str> = line.split(':').collect();
        match fields[0] {
            "pub" => {
                let algorithm = match fields[3] {
                    "1" => format!("rsa{}", fields[2]),
                    "17" => format!("dsa{}", fields[2]),
                    _ => fields[16].to_owned(),
                };
                let expires = if fields[6].is_empty() { "never" } else { fields[6] };
                let revoked = fields[1] == "r";
                let encrypts = revoked || fields[11].contains('e');
                let line = format!("{algorithm} {} {expires} {revoked}", fields[5]);
                public = Some((line, encrypts, None));
            }
            "fpr" => {
                if let Some(public) = public.take() {
                    fields[9].clone_into(&mut of);
                    told.insert(of.clone(), public);
                }
            }
            "sub" if fields[11].contains('e') && fields[1] != "r" => {
                let (_, encrypts, last) = told.get_mut(&of).expect("a key before its subkey");
                if !*encrypts {
                    *last = (*last).max(Some(expiry(fields[6])));
                }
            }
            _ => {}
        }
    }
    told.into_iter().map(|(key, (line, _, last))| (key, format!("{line} {last:?}"))).collect()
}

impl Drop for Home {
    fn drop(&mut self) {
        let home = self.0.path();
        let mut kill = Command::new("gpgconf");
        let _ = kill.arg("--homedir").arg(home).args(["--kill", "all"]).status();
    }
}

fn ours(keys: &[Key]) -> BTreeMap<String, String> {
    let line = |key: &Key| {
        let expires = match key.expires {
            Expiry::Unsaid => "unsaid".to_owned(),
            Expiry::Never => "never".to_owned(),
            Expiry::At(at) => at.unix_seconds().to_string(),
        };
        let encrypts = key.encrypts.filter(|_| !key.revoked).map(|expiry| match expiry {
            Expiry::At(at) => at.unix_seconds(),
            Expiry::Never => i64::MAX,
            Expiry::Unsaid => i64::MIN,
        });
        let created = key.created.unix_seconds();
        format!("{} {created} {expires} {} {encrypts:?}", key.algorithm, key.revoked)
    };
    keys.iter().map(|key| (key.fingerprint.clone(), line(key))).collect()
}

/// Whatever keyrings this machine has: keys of many years, signed by many hands.
#[test]
fn the_keyrings_of_this_machine_are_read_alike() {
    let Some(home) = Home::new() else { return };
    let folders = ["/usr/share/keyrings", "/etc/apt/trusted.gpg.d"];
    let files = folders.iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten();
    let mut compared = 0;
    for file in files.filter_map(|entry| Some(entry.ok()?.path())) {
        let is_keyring = file.extension().is_some_and(|end| end == "gpg" || end == "asc");
        let Some(bytes) = std::fs::read(&file).ok().filter(|_| is_keyring) else { continue };
        // Keys of version 3 are none to gpg, and to us something new.
        let Ok(keys) = keys(&bytes) else { continue };
        assert_eq!(ours(&keys), home.told(Some(&file)), "{}", file.display());
        compared += keys.len();
    }
    eprintln!("{compared} keys were compared");
}

#[test]
fn gnupg_and_we_read_the_same_keys() {
    let Some(home) = Home::new() else { return };
    assert_eq!(home.ring(), Ok(Vec::new()));
    for (name, algorithm, usage, expires) in [
        ("a", "rsa2048", "default", "never"),
        ("b", "ed25519", "sign", "30d"),
        ("c", "nistp384", "sign", "1y"),
        ("d", "brainpoolP256r1", "sign", "never"),
        ("e", "dsa2048", "sign", "2y"),
        ("f", "default", "default", "2y"),
    ] {
        home.gpg(&["--quick-gen-key", name, algorithm, usage, expires]);
    }
    assert_eq!(ours(&home.ring().expect("read")), home.told(None));
    let by_name = |name: &str| {
        let listed = home.gpg(&["--with-colons", "--list-keys", &format!("={name}")]);
        let listed = String::from_utf8(listed).expect("UTF-8");
        let line = listed.lines().find(|line| line.starts_with("fpr")).expect("a fingerprint");
        line.split(':').nth(9).expect("a field").to_owned()
    };
    // Edited, revoked and deleted: the newest signature counts, and what is gone is gone.
    let (a, b, c) = (by_name("a"), by_name("b"), by_name("c"));
    home.gpg(&["--quick-add-key", &a, "rsa2048", "encrypt", "3y"]);
    home.gpg(&["--quick-set-expire", &a, "5y"]);
    home.gpg(&["--quick-add-uid", &b, "second"]);
    let revocation = home.path(&format!("openpgp-revocs.d/{c}.rev"));
    let text =
        std::fs::read_to_string(revocation).expect("a revocation").replace(":-----", "-----");
    std::fs::write(home.path("revocation"), text).expect("written");
    let revocation = home.path("revocation");
    home.gpg(&["--import", revocation.to_str().expect("UTF-8")]);
    home.gpg(&["--delete-secret-and-public-key", &by_name("e")]);
    let keys = home.ring().expect("read");
    assert_eq!(ours(&keys), home.told(None));
    assert_eq!(keys.len(), 5);
    let key = |fingerprint: &str| {
        keys.iter().find(|key| key.fingerprint == fingerprint).expect("the key")
    };
    assert!(key(&c).revoked && !key(&a).revoked);
    assert_eq!((key(&a).encrypting, key(&b).encrypting), (1, 0));
    assert!(matches!(key(&a).encrypts, Some(Expiry::At(_))), "{:?}", key(&a));
    let host = Host::open(home.0.path(), Policy::everything()).expect("a root");
    let private = private_parts(&host, Path::new("/"), Links::Refuse).expect("counted");
    assert!(private >= 5, "{private}");
    forms(&home, &keys);
}

/// The same keys as files: bare packets, armour, and with their secret halves.
fn forms(home: &Home, expected: &[Key]) {
    let plain = keys(&home.gpg(&["--export"])).expect("packets");
    assert_eq!(ours(&plain), ours(expected));
    let armoured = home.gpg(&["--armor", "--export"]);
    assert_eq!(keys(&armoured).expect("armour"), plain);
    let secret = keys(&home.gpg(&["--export-secret-keys"])).expect("secret keys");
    assert_eq!(ours(&secret).keys().collect::<Vec<_>>(), ours(expected).keys().collect::<Vec<_>>());
    assert!(secret.iter().all(|key| key.secret) && plain.iter().all(|key| !key.secret));
    let boxed = std::fs::read(home.path("pubring.kbx")).expect("a keybox");
    let mut broken = boxed.clone();
    let at = boxed.len() - 100;
    broken[at] ^= 1;
    let reason = keys(&broken).map_err(|fault| fault.reason).map(|_| ());
    assert_eq!(reason, Err(Reason::Malformed), "a blob with another checksum");
    assert!(keys(&boxed[..boxed.len() - 1]).is_err());
    for cut in 1..plain.len().min(40) {
        let bytes = home_export_cut(&armoured, cut);
        assert!(keys(&bytes).is_err(), "{cut}");
    }
    assert!(Parsed::of(&boxed).never_panics());
}

fn home_export_cut(armoured: &[u8], lines: usize) -> Vec<u8> {
    let kept: Vec<&[u8]> = armoured.split(|c| *c == b'\n').take(lines).collect();
    kept.join(&b'\n')
}

/// Every single byte of a real keybox changed, one after another.
struct Parsed<'a>(&'a [u8]);

impl<'a> Parsed<'a> {
    fn of(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    fn never_panics(&self) -> bool {
        let mut bytes = self.0.to_vec();
        for at in 0..bytes.len().min(3000) {
            bytes[at] ^= 0xff;
            let _ = keys(&bytes);
            // Behind the checksum, the packets themselves.
            let _ = packet::packets(&bytes[at..]).and_then(|packets| key::keys(&packets));
            bytes[at] ^= 0xff;
        }
        true
    }
}

#[test]
fn a_home_is_read_as_gnupg_reads_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let host = Host::open(folder.path(), Policy::everything()).expect("a root");
    let at = |name: &str| folder.path().join(name);
    let read = || read(&host, Path::new("/home"), Links::Refuse);
    assert_eq!(read(), Ok(Ring { home: true, keys: Vec::new() }));
    std::fs::create_dir_all(at("home/private-keys-v1.d")).expect("a folder");
    std::fs::write(at("home/pubring.gpg"), v4(1)).expect("written");
    assert_eq!(read().expect("read").keys.len(), 1);
    // An empty keybox that is not for OpenPGP does not take its place; one that is does.
    std::fs::write(at("home/pubring.kbx"), header(0)).expect("written");
    assert_eq!(read().expect("read").keys.len(), 1);
    std::fs::write(at("home/pubring.kbx"), header(2)).expect("written");
    assert_eq!(read().expect("read").keys.len(), 0);
    let private = || private_parts(&host, Path::new("/home"), Links::Refuse);
    assert_eq!(private(), Ok(0));
    std::fs::write(at("home/private-keys-v1.d/X.key"), "").expect("written");
    std::fs::write(at("home/secring.gpg"), "x").expect("written");
    assert_eq!(private(), Ok(2));
    std::fs::create_dir(at("home/public-keys.d")).expect("a folder");
    std::fs::write(at("home/public-keys.d/pubring.db"), "").expect("written");
    let unknown = read().expect_err("keyboxd");
    assert_eq!(unknown.reason, Reason::NotSupported);
    assert!(unknown.detail.contains("keyboxd"), "{unknown}");
    std::fs::write(at("file"), b"\x00\x01").expect("written");
    let unknown = super::read(&host, Path::new("/file"), Links::Refuse).expect_err("no keyring");
    assert_eq!(unknown.reason, Reason::Malformed);
}

fn header(flags: u8) -> Vec<u8> {
    let mut blob = vec![0; 32];
    blob[3] = 32;
    blob[4] = 1;
    blob[5] = 1;
    blob[7] = flags;
    blob[8..12].copy_from_slice(b"KBXf");
    blob
}

/// A version 4 RSA key of eight bits.
fn v4(created: u8) -> Vec<u8> {
    vec![0xc6, 12, 4, 0, 0, 0, created, 1, 0, 8, 0xc1, 0, 2, 3]
}

#[test]
fn keys_of_every_version_have_their_fingerprint() {
    let of = |bytes: &[u8]| keys(bytes).map(|keys| keys[0].clone());
    let four = of(&v4(1)).expect("a key");
    assert_eq!(
        (four.algorithm.as_str(), four.bits, four.expires),
        ("rsa8", Some(8), Expiry::Unsaid)
    );
    let digest = <sha1::Sha1 as sha1::Digest>::digest([&[0x99, 0, 12][..], &v4(1)[2..]].concat());
    assert_eq!(four.fingerprint, key::hex(&digest));
    let mut six = vec![0xc6, 42, 6, 0, 0, 0, 1, 27, 0, 0, 0, 32];
    six.extend([7; 32]);
    let hashed = [&[0x9b, 0, 0, 0, 42][..], &six[2..]].concat();
    let six = of(&six).expect("a key");
    assert_eq!(six.algorithm, "ed25519");
    assert_eq!(six.fingerprint, crate::model::Digest::of(&hashed).to_string().to_uppercase());
    let three = of(&[0xc6, 5, 3, 0, 0, 0, 1]).map_err(|fault| fault.reason);
    assert_eq!(three, Err(Reason::NotSupported));
}

#[test]
fn only_signatures_of_the_key_itself_say_how_long_it_lasts() {
    let id: Vec<u8> = {
        let digest =
            <sha1::Sha1 as sha1::Digest>::digest([&[0x99, 0, 12][..], &v4(1)[2..]].concat());
        digest[12..].to_vec()
    };
    // Class, creation, lifetime, issuer.
    let signature = |class: u8, created: u8, lasts: u8, issuer: &[u8]| {
        let mut body = vec![4, class, 1, 8, 0, 12, 5, 2, 0, 0, 0, created, 5, 9, 0, 0, 0, lasts];
        body.extend([0, 10, 9, 16]);
        body.extend(issuer);
        let length = u8::try_from(body.len()).expect("short");
        [vec![0xc2, length], body].concat()
    };
    let expiry = |signatures: &[Vec<u8>]| {
        let bytes = [v4(1), vec![0xcd, 1, b'u'], signatures.concat()].concat();
        let key = keys(&bytes).expect("a key").remove(0);
        (key.expires, key.revoked)
    };
    let at = |seconds| Expiry::At(Timestamp::from_unix_seconds(seconds));
    let other = [9; 8];
    assert_eq!(expiry(&[]), (Expiry::Unsaid, false));
    assert_eq!(expiry(&[signature(0x13, 2, 50, &id)]), (at(51), false));
    let both = [signature(0x13, 9, 50, &id), signature(0x13, 2, 7, &id)];
    assert_eq!(expiry(&both), (at(51), false), "the newest, not the last");
    let foreign = [signature(0x13, 2, 50, &id), signature(0x13, 9, 99, &other)];
    assert_eq!(expiry(&foreign), (at(51), false));
    assert_eq!(expiry(&[signature(0x13, 2, 0, &id)]), (Expiry::Never, false));
    let taken_back = [signature(0x13, 2, 50, &id), signature(0x30, 9, 0, &id)];
    assert_eq!(expiry(&taken_back), (Expiry::Unsaid, false), "its only name is taken back");
    let of_key = |before: &[Vec<u8>], behind: &[Vec<u8>]| {
        let bytes = [v4(1), before.concat(), vec![0xcd, 1, b'u'], behind.concat()].concat();
        keys(&bytes).expect("a key").remove(0).expires
    };
    let (old, new) = (signature(0x13, 2, 50, &id), signature(0x1f, 9, 0, &id));
    assert_eq!(of_key(&[new], std::slice::from_ref(&old)), at(51), "no end takes none away");
    assert_eq!(of_key(&[signature(0x1f, 1, 7, &id)], &[old]), at(8), "the key before its names");
    assert!(expiry(&[signature(0x20, 2, 0, &id)]).1);
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let _ = keys(&bytes);
        let _ = keys(&[&v4(1)[..], &[0xc2, u8::try_from(bytes.len().min(191)).unwrap_or(0)], &bytes].concat());
        let _ = keys(&[&header(2)[..], &bytes].concat());
        let _ = signature::Signature::read(&bytes);
    }
}
