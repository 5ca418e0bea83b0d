//! Public keys that come into keyrings of the real `gpg`, by plans that were signed.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use crate::program::{command, skipped};
use crate::site::Site;

const POLICY: &str = "actions = [\"import_key\", \"remove_key\"]\nroots = [\"/root/.gnupg\"]";

fn gpg(home: &Path, words: &[&str]) -> Output {
    let mut gpg = Command::new("gpg");
    gpg.args(["--batch", "--no-tty", "--quiet", "--homedir"]).arg(home).args(words);
    gpg.output().unwrap()
}

/// A key pair of its own: public and secret half as they are exported, and the fingerprint.
struct Pair {
    public: Vec<u8>,
    secret: Vec<u8>,
    fingerprint: String,
}

impl Pair {
    fn new() -> Option<Self> {
        if Command::new("gpg").arg("--version").output().is_err() {
            skipped("the import of keys", "there is no gpg");
            return None;
        }
        let home = tempfile::tempdir().unwrap();
        let make =
            ["--passphrase", "", "--quick-generate-key", "a <a@example.org>", "ed25519", "sign"];
        let done = gpg(home.path(), &[&make[..], &["never"]].concat());
        assert!(done.status.success(), "{done:?}");
        let public = gpg(home.path(), &["--armor", "--export"]).stdout;
        let secret = gpg(home.path(), &["--armor", "--export-secret-keys"]).stdout;
        let listed = gpg(home.path(), &["--with-colons", "--list-keys"]).stdout;
        let listed = String::from_utf8(listed).unwrap();
        let line = listed.lines().find_map(|line| line.strip_prefix("fpr:")).unwrap();
        let fingerprint = line.trim_matches(':').to_owned();
        let mut end = Command::new("gpgconf");
        end.arg("--homedir").arg(home.path()).args(["--kill", "all"]).output().unwrap();
        Some(Self { public, secret, fingerprint })
    }

    fn wanted(&self, more: &str) -> String {
        format!("[gpg_key.\"/root/.gnupg/{}\"]\n{more}\n", self.fingerprint)
    }
}

fn site(folder: &Path) -> Site<'static> {
    let (root, seen_at) = (folder.join("root"), folder.to_str().unwrap());
    fs::create_dir_all(root.join("etc")).unwrap();
    fs::create_dir_all(root.join("root/.gnupg")).unwrap();
    for below in ["", "etc", "root", "root/.gnupg"] {
        let mode = if below.contains(".gnupg") { 0o700 } else { 0o755 };
        fs::set_permissions(root.join(below), fs::Permissions::from_mode(mode)).unwrap();
    }
    fs::write(root.join("etc/machine-id"), "0123456789abcdef0123456789abcdef\n").unwrap();
    fs::write(root.join("etc/hostname"), "testhost\n").unwrap();
    fs::write(root.join("etc/passwd"), "root:x:0:0::/root:/bin/sh\n").unwrap();
    let start = |words: &[&str]| command(words).output().unwrap();
    Site::new(folder.to_owned(), seen_at, "root", POLICY, Box::new(start))
}

/// A host whose desired state wants a key, and holds it.
fn wanting_a_key() -> Option<(Pair, tempfile::TempDir, Site<'static>)> {
    let pair = Pair::new()?;
    let folder = tempfile::tempdir().unwrap();
    let site = site(folder.path());
    site.write("desired/hosts/a/files/a.asc", &pair.public);
    site.wants(&pair.wanted("source = \"files/a.asc\""));
    Some((pair, folder, site))
}

#[test]
fn a_key_is_imported_where_it_is_missing() {
    let Some(pair) = Pair::new() else { return };
    let folder = tempfile::tempdir().unwrap();
    let site = site(folder.path());
    let home = folder.path().join("root/root/.gnupg");
    // What a home says itself decides nothing.
    fs::write(home.join("gpg.conf"), "no-such-option\n").unwrap();
    site.write("desired/hosts/a/files/a.asc", &pair.public);
    site.wants(&pair.wanted(""));
    site.plan("none.json", &[]).ends_with(2).says("`source`");
    site.wants(&pair.wanted("source = \"files/a.asc\""));
    let said = site.plan("in.json", &[]).ends_with(0).says("import key").says("HIGH RISK");
    assert!(said.text.contains("BEGIN PGP PUBLIC KEY BLOCK"), "{}", said.text);
    site.approve("in.json");
    site.apply("in.json").ends_with(0).says("applied: 1 of 1 steps");
    site.run(&["check"]).ends_with(0);
    fs::remove_file(home.join("gpg.conf")).unwrap();
    let listed = String::from_utf8(gpg(&home, &["--list-keys"]).stdout).unwrap();
    assert!(listed.contains(&pair.fingerprint), "{listed}");
    // It is taken back while it is as it was imported.
    site.plan("back.json", &["--undo", &site.path("in.json")]).ends_with(0).says("remove key");
    site.approve("back.json");
    site.apply("back.json").ends_with(0).says("applied: 1 of 1 steps");
    let listed = String::from_utf8(gpg(&home, &["--list-keys"]).stdout).unwrap();
    assert!(!listed.contains(&pair.fingerprint), "{listed}");
    site.run(&["check"]).ends_with(2);
    site.run(&["ledger", "verify"]).ends_with(0);
}

#[test]
fn a_home_that_others_can_change_is_left_alone() {
    let Some((_, folder, site)) = wanting_a_key() else { return };
    let home = folder.path().join("root/root/.gnupg");
    fs::set_permissions(&home, fs::Permissions::from_mode(0o777)).unwrap();
    site.deed("open.json", &[]).ends_with(5).says("others can write into the home");
    assert!(!home.join("pubring.kbx").exists());
    fs::set_permissions(&home, fs::Permissions::from_mode(0o700)).unwrap();
    // A keyring that is none is not imported into.
    fs::write(home.join("pubring.kbx"), "garbage").unwrap();
    site.plan("none.json", &[]).ends_with(4);
    fs::remove_dir_all(&home).unwrap();
    site.plan("none.json", &[]).ends_with(2).says("the home of GnuPG is not there");
}

#[test]
fn only_the_public_key_that_is_named_is_taken() {
    let (Some(pair), Some(other)) = (Pair::new(), Pair::new()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let site = site(folder.path());
    let both = [&pair.public[..], &other.public].concat();
    for (bytes, why) in [
        (&pair.secret[..], "holds a private key"),
        (&other.public, "holds another key"),
        (&both, "2 armoured blocks"),
        (b"no key", "armoured blocks"),
        (b"", "holds 0 keys"),
    ] {
        site.write("desired/hosts/a/files/a.asc", bytes);
        site.wants(&pair.wanted("source = \"files/a.asc\""));
        site.plan("bad.json", &[]).ends_with(65).says(why);
        assert!(!folder.path().join("bad.json").exists());
    }
    site.wants("[gpg_key.\"/root/.gnupg/*\"]\nonly = []\nsource = \"files/a.asc\"\n");
    site.plan("bad.json", &[]).ends_with(65).says("source");
}

#[test]
fn whoever_owns_the_home_imports() {
    const NOBODY: u32 = 65_534;
    if !rustix::process::geteuid().is_root() {
        return skipped("the import for another user", "only root can act as one");
    }
    let Some(pair) = Pair::new() else { return };
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let site = site(folder.path());
    let home = folder.path().join("root/root/.gnupg");
    std::os::unix::fs::chown(&home, Some(NOBODY), Some(NOBODY)).unwrap();
    site.write("desired/hosts/a/files/a.asc", &pair.public);
    site.wants(&pair.wanted("source = \"files/a.asc\""));
    site.deed("in.json", &[]).ends_with(0).says("applied: 1 of 1 steps");
    let ring = fs::metadata(home.join("pubring.kbx")).unwrap();
    assert_eq!(std::os::unix::fs::MetadataExt::uid(&ring), NOBODY);
}

#[test]
fn a_key_that_somebody_added_to_or_owns_is_not_taken_out() {
    let Some((pair, folder, site)) = wanting_a_key() else { return };
    let home = folder.path().join("root/root/.gnupg");
    site.deed("in.json", &[]).ends_with(0);
    site.plan("back.json", &["--undo", &site.path("in.json")]).ends_with(0);
    site.approve("back.json");
    let ring = fs::read(home.join("pubring.kbx")).unwrap();
    // A private key came to lie beside it.
    fs::create_dir(home.join("private-keys-v1.d")).unwrap();
    fs::write(home.join("private-keys-v1.d/x.key"), "").unwrap();
    site.apply("back.json").ends_with(5).says("private keys lie in the home");
    fs::remove_dir_all(home.join("private-keys-v1.d")).unwrap();
    assert_eq!(fs::read(home.join("pubring.kbx")).unwrap(), ring);
    // It is gone already.
    gpg(&home, &["--yes", "--delete-keys", &pair.fingerprint]);
    site.plan("late.json", &["--undo", &site.path("in.json")]).ends_with(2).says("gone already");
}
