//! What is compared of a key. That it is read right is the business of the parser's own tests.

use super::*;
use crate::action::{Action, PathState, Remedy, Risk};
use crate::kinds::test_world::{Root, TestFiles, adopted, check, prepare, prepare_with};

const NOW: u32 = 1_779_344_930;
const DAY: u32 = 86_400;

/// A version 4 key of RSA: its packets, and its fingerprint.
fn key(seed: u8, expires_at: u32, subkey: Option<u32>, more: &[u8]) -> (Vec<u8>, String) {
    let created = NOW - 1000 * DAY;
    let packet = |tag: u8, body: &[u8]| {
        let length = u8::try_from(body.len()).expect("a short body");
        [&[0xc0 | tag, length], body].concat()
    };
    let material =
        |seed: u8| [&[4], &created.to_be_bytes()[..], &[1, 0, 8, 0x80 | seed, 0, 2, 3]].concat();
    let body = material(seed);
    let digest = <sha1::Sha1 as sha1::Digest>::digest([&[0x99, 0, 12], &body[..]].concat());
    let signature = |class: u8, expires_at: u32, flags: u8| {
        let lasts = expires_at - created;
        let hashed = [
            &[5, 2][..],
            &created.to_be_bytes(),
            &[5, 9],
            &lasts.to_be_bytes(),
            &[2, 27, flags],
            &[22, 33, 4],
            &digest,
        ];
        let hashed = hashed.concat();
        let length = u8::try_from(hashed.len()).expect("short");
        packet(2, &[&[4, class, 1, 8, 0, length], &hashed[..], &[0, 0]].concat())
    };
    let mut bytes = [packet(6, &body), packet(13, b"u"), signature(0x13, expires_at, 3)].concat();
    if let Some(expires_at) = subkey {
        bytes.extend([packet(14, &material(seed + 1)), signature(0x18, expires_at, 12)].concat());
    }
    bytes.extend(more);
    (bytes, digest.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().concat())
}

/// A signature of that class which says nothing else.
fn bare(class: u8) -> Vec<u8> {
    vec![0xc2, 8, 4, class, 1, 8, 0, 0, 0, 0]
}

#[test]
fn a_key_is_compared_with_its_table() {
    let root = Root::new();
    let (bytes, fingerprint) = key(1, NOW + 40 * DAY, Some(NOW + 20 * DAY), b"");
    root.file("g/pubring.gpg", &bytes).file("ring.gpg", &bytes);
    let cases: &[(&str, &[&str])] = &[
        ("", &[]),
        ("algorithm = 'rsa8'\nbits_at_least = 8\nvalid_for = '20d'\npublic_only = true", &[]),
        ("algorithm = 'ed25519'", &["algorithm \"ed25519\" \"rsa8\""]),
        ("bits_at_least = 9", &["bits_at_least 9 8"]),
        ("present = false", &["presence \"absent\" \"present\""]),
        (
            "valid_for = '21d'",
            &["encryption_expires \"2026-06-11T06:28:50Z or later\" \"2026-06-10T06:28:50Z\""],
        ),
        (
            "valid_for = '41d'",
            &[
                "expires \"2026-07-01T06:28:50Z or later\" \"2026-06-30T06:28:50Z\"",
                "encryption_expires \"2026-07-01T06:28:50Z or later\" \"2026-06-10T06:28:50Z\"",
            ],
        ),
    ];
    for keyring in ["/g", "/ring.gpg"] {
        for (toml, expected) in cases {
            check::<GpgKey>(&root, &format!("{keyring}/{fingerprint}"), toml, expected);
        }
    }
    root.file("g/private-keys-v1.d/ABC.key", b"never read");
    let name = format!("/g/{fingerprint}");
    check::<GpgKey>(&root, &name, "public_only = true", &["public_only true \"1 private key\""]);
    check::<GpgKey>(&root, &name, "", &[]);
    let other = format!("/g/{}", "AB".repeat(20));
    check::<GpgKey>(&root, &other, "", &["presence \"present\" \"absent\""]);
    check::<GpgKey>(&root, &other, "present = false", &[]);
}

#[test]
fn revocation_is_always_a_difference() {
    let root = Root::new();
    let (bytes, revoked) = key(1, NOW + DAY, None, &bare(0x20));
    root.file("r/pubring.gpg", &bytes);
    check::<GpgKey>(&root, &format!("/r/{revoked}"), "", &["revoked false true"]);
    let (clean, _) = key(1, NOW + DAY, None, b"");
    root.file("t.gpg", &[clean, bytes].concat());
    check::<GpgKey>(&root, &format!("/t.gpg/{revoked}"), "", &["revoked false true"]);
    let (bytes, fingerprint) = key(1, NOW + DAY, Some(NOW + DAY), &bare(0x28));
    root.file("s/pubring.gpg", &bytes);
    let name = format!("/s/{fingerprint}");
    check::<GpgKey>(&root, &name, "", &[]);
    check::<GpgKey>(&root, &name, "valid_for = '1h'", &["encryption \"possible\" \"revoked\""]);
}

#[test]
fn a_closed_keyring_names_every_other_key() {
    let root = Root::new();
    let ((one, first), (two, second)) = (key(1, NOW, None, b""), key(5, NOW, None, b""));
    root.file("g/pubring.gpg", &[one, two].concat());
    let (first, second) = (format!("/g/{first}"), format!("/g/{second}"));
    let both = format!("only = ['{first}', '{second}']\npublic_only = true");
    check::<GpgKey>(&root, "/g/*", &both, &[]);
    let unlisted = format!("{second} null \"rsa8, expires 2026-05-21T06:28:50Z\"");
    check::<GpgKey>(&root, "/g/*", &format!("only = ['{first}']"), &[&unlisted]);
    check::<GpgKey>(&root, "/none/*", "only = []\npublic_only = true", &[]);
    let gone = format!("only = ['/none/{}']", "AB".repeat(20));
    check::<GpgKey>(
        &root,
        "/none/*",
        &gone,
        &[&format!("/none/{} \"present\" null", "AB".repeat(20))],
    );
}

#[test]
fn what_cannot_be_read_is_unknown() {
    let mut root = Root::new();
    root.file("g/pubring.kbx", b"nonsense").file("h/public-keys.d/pubring.db", b"");
    check::<GpgKey>(&root, "/g/*", "only = []", &["blind malformed"]);
    check::<GpgKey>(&root, "/h/*", "only = []", &["blind not_supported"]);
    let (bytes, fingerprint) = key(1, NOW, None, b"");
    root.file("d/pubring.gpg", &bytes).file("d/private-keys-v1.d/x", b"");
    let deny = ["/d/private-keys-v1.d".to_owned()];
    root.policy = crate::config::Policy::new(&["/d".into()], &deny, &[]).expect("a policy");
    let name = format!("/d/{fingerprint}");
    check::<GpgKey>(&root, &name, "public_only = true", &["blind public_only not_allowed"]);
    check::<GpgKey>(&root, &name, "", &[]);
    // Nothing says until when a key without a signature of its own is valid.
    root.file("d/pubring.gpg", &bytes[..14]);
    check::<GpgKey>(&root, &name, "valid_for = '1d'", &["blind expires undecidable"]);
}

#[test]
fn contradictions_are_refused() {
    let name = format!("/g/{}", "AB".repeat(20));
    for (name, toml, count) in [
        (name.as_str(), "present = false\nvalid_for = '1d'\npublic_only = true", 2),
        (&name, "only = []", 1),
        ("/g/*", "", 1),
        ("/g/*", "only = []\nalgorithm = 'rsa4096'", 1),
        ("/g/*", "only = ['/g/AB']", 1),
        ("/g/*", "only = []\npresent = false", 1),
    ] {
        assert_eq!(prepare::<GpgKey>(name, toml).1.len(), count, "{name} {toml}");
    }
}

#[test]
fn a_keyring_is_written_down_closed() {
    let root = Root::new();
    let ((one, first), (two, _)) = (key(1, NOW, None, b""), key(5, NOW, None, &bare(0x20)));
    root.file("g/pubring.gpg", &[one, two].concat());
    let written = adopted::<GpgKey>(&root, "/g").expect("seen");
    let names: Vec<&str> = written.drafts.iter().map(|draft| draft.name.as_str()).collect();
    assert_eq!(names, ["/g/*", &format!("/g/{first}")]);
    assert_eq!(written.unseen.len(), 1, "the revoked one");
    // A path that was mistyped is no keyring without keys.
    assert_eq!(adopted::<GpgKey>(&root, "/none").expect("empty").drafts, []);
    root.dir("rings", 0o755).file("rings/a.gpg", b"");
    let refused = adopted::<GpgKey>(&root, "/rings").map(|_| ()).map_err(|unknown| unknown.reason);
    assert_eq!(refused, Err(Reason::NotSupported), "a folder of keyrings is not an empty one");
    assert!(adopted::<GpgKey>(&root, "g").is_err());
}

#[test]
fn a_key_of_desired_state_is_imported_where_it_is_missing() {
    let (bytes, fingerprint) = key(1, NOW, None, b"");
    let name = format!("/g/{fingerprint}");
    let files = |bytes: &[u8]| TestFiles(vec![("k".to_owned(), bytes.to_vec())]);
    let (spec, problems) = prepare_with::<GpgKey>(&name, "source = 'k'", &files(&bytes));
    assert_eq!((problems, spec.needs(&name).paths.len()), (vec![], 1));
    let absent = Seen { at: Timestamp::from_unix_seconds(0), keys: vec![], private: None };
    let mut around = Surroundings::default();
    let folder = PathState::Directory {
        uid: 0.into(),
        gid: 0.into(),
        mode: crate::model::Mode::from_bits(0o700),
        empty: None,
        inode: None,
    };
    around.paths.insert("/g".to_owned(), Ok(folder));
    let Ok(Remedy::Changes(changes)) = spec.remedy(&name, &absent, &around) else { panic!() };
    let [change] = changes.as_slice() else { panic!("{changes:?}") };
    let Action::ImportKey { home, fingerprint: named, key: content } = &change.action else {
        panic!("{change:?}")
    };
    assert_eq!((home.as_str(), named, content.inline()), ("/g", &fingerprint, Some(bytes.clone())));
    assert_eq!(change.risk, Risk::High);
    let why = |spec: &GpgKey, name: &str, seen: &Seen, around: &Surroundings| match spec
        .remedy(name, seen, around)
    {
        Ok(Remedy::Nothing(why)) => why,
        other => panic!("{other:?}"),
    };
    around.paths.insert("/g".to_owned(), Ok(PathState::Absent));
    assert!(why(&spec, &name, &absent, &around).contains("is not there"));
    let (bare, _) = prepare::<GpgKey>(&name, "");
    assert!(why(&bare, &name, &absent, &around).contains("`source`"));
    let (unwanted, _) = prepare::<GpgKey>(&name, "present = false");
    assert!(why(&unwanted, &name, &absent, &around).contains("takes a key out"));
    let (closed, _) = prepare::<GpgKey>("/g/*", "only = []");
    assert!(why(&closed, "/g/*", &absent, &around).contains("takes a key out"));
}

#[test]
fn what_is_not_the_public_key_of_that_name_is_refused() {
    let ((bytes, fingerprint), (other, _)) = (key(1, NOW, None, b""), key(5, NOW, None, b""));
    let name = format!("/g/{fingerprint}");
    // A secret key is the public one under another tag, with more behind it.
    let mut secret = bytes.clone();
    secret[0] = 0xc5;
    let revoked = [&bytes[..], &bare(0x20)].concat();
    let both = [&bytes[..], &other].concat();
    let large = vec![0xc6; crate::action::INLINE_BYTES_MAX + 1];
    let private =
        b"-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nYWJj\n-----END PGP PRIVATE KEY BLOCK-----\n";
    for (bytes, why) in [
        (&other[..], "another key"),
        (&secret, "private key"),
        (private, "private key"),
        (&revoked, "revoked"),
        (&both, "2 keys"),
        (&large, "limit"),
        (b"no key at all", "armoured blocks"),
        (b"", "0 keys"),
    ] {
        let files = TestFiles(vec![("k".to_owned(), bytes.to_vec())]);
        let (spec, problems) = prepare_with::<GpgKey>(&name, "source = 'k'", &files);
        assert!(spec.content.is_none() && problems.len() == 1, "{why}: {problems:?}");
        assert!(problems[0].message.contains(why), "{why}: {problems:?}");
    }
    let none = prepare::<GpgKey>(&name, "source = 'none'").1;
    assert_eq!(none.len(), 1);
    for (name, toml) in
        [("/g/*", "only = []\nsource = 'files/abc'"), (&name, "present = false\nsource = 'k'")]
    {
        assert!(!prepare::<GpgKey>(name, toml).1.is_empty(), "{toml}");
    }
}
