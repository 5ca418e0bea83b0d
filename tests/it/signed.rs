//! `source.verify = "signed"` with real git and ssh-keygen: what is taken, and what is refused before it is read.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use countersign::config::Trust;
use countersign::desired::{AcceptedTip, Request, SignedBy, SignedError, SourceError, source};

use crate::keys::Keys;
use crate::program::{World, git, run};

/// A repository whose commits are signed by `operator`, and a trust file that lists `reviewer` as well.
struct Lab {
    world: World,
    keys: Keys,
    first: String,
}

impl Lab {
    fn new() -> Self {
        let (world, keys) = (World::new(), Keys::new());
        for name in ["operator", "reviewer", "stranger"] {
            keys.make("ed25519", name);
        }
        world.desired("hosts/a/host.toml", "[host]\nidentity = { hostname = \"testhost\" }\n");
        world.desired("hosts/a/r.toml", "[directory.\"/srv\"]\n");
        world.host_folder("srv", 0o755);
        // The first commit is trusted by its id, and signed by nobody.
        let first = world.commit();
        Self { world, keys, first }
    }

    fn folder(&self) -> PathBuf {
        self.world.path("desired")
    }

    fn git(&self, arguments: &[&str]) -> String {
        git(&self.folder(), arguments)
    }

    /// A commit signed by one of the keys, which changes a file.
    fn commit(&self, who: &str, text: &str) -> String {
        self.world.desired("hosts/a/note.toml", format!("# {text}\n"));
        self.git(&["add", "--all"]);
        self.signed(who, &["commit", "--quiet", "-S", "-m", text])
    }

    fn signed(&self, who: &str, arguments: &[&str]) -> String {
        let key = self.keys.path(who);
        let setting = format!("user.signingkey={}", key.display());
        self.git(&[&["-c", "gpg.format=ssh", "-c", setting.as_str()], arguments].concat());
        self.tip()
    }

    fn tip(&self) -> String {
        self.git(&["rev-parse", "HEAD"]).trim().to_owned()
    }

    fn trust(&self, more: &str) -> Trust {
        let text = format!(
            "version = 1\n{more}\n[committer.operator]\nkeys = [\"{}\"]\n[committer.reviewer]\nkeys = [\"{}\"]\n",
            self.keys.line("operator"),
            self.keys.line("reviewer")
        );
        Trust::parse(Path::new("trust.toml"), text).unwrap()
    }

    fn load(&self, accepted: Option<&str>) -> Result<BTreeSet<String>, SourceError> {
        self.load_with(&self.trust(""), &self.folder().display().to_string(), accepted)
    }

    fn load_with(
        &self,
        trust: &Trust,
        source: &str,
        accepted: Option<&str>,
    ) -> Result<BTreeSet<String>, SourceError> {
        let accepted = accepted.map(|commit| AcceptedTip { commit: commit.to_owned() });
        let data = self.world.path("data");
        let tree = source::load(&Request {
            source,
            revision: None,
            folder: None,
            committed_only: true,
            data: &data,
            host: Some("a"),
            signed: Some(SignedBy {
                trust,
                first_commit: &self.first,
                accepted: accepted.as_ref(),
            }),
        })?;
        assert!(tree.pinned);
        Ok(tree.signers.unwrap())
    }

    #[track_caller]
    fn refused(&self, accepted: Option<&str>, code: &str) -> SignedError {
        match self.load(accepted) {
            Err(SourceError::Signed(error)) => {
                assert_eq!(error.code(), code, "{error}");
                error
            }
            other => panic!("{other:?}"),
        }
    }
}

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn a_history_that_committers_signed_is_taken() {
    let lab = Lab::new();
    assert_eq!(lab.load(None).unwrap(), names(&[]), "the first commit needs no signature");
    lab.commit("operator", "one");
    let second = lab.commit("reviewer", "two");
    assert_eq!(lab.load(None).unwrap(), names(&["operator", "reviewer"]));
    lab.commit("operator", "three");
    assert_eq!(lab.load(Some(&second)).unwrap(), names(&["operator"]), "since the accepted one");
    // Merges too, and what they bring with them.
    lab.git(&["checkout", "--quiet", "-b", "side", &second]);
    lab.world.desired("hosts/a/other.toml", "# x\n");
    lab.git(&["add", "--all"]);
    lab.signed("reviewer", &["commit", "--quiet", "-S", "-m", "side"]);
    lab.git(&["checkout", "--quiet", "main"]);
    lab.signed("operator", &["merge", "--quiet", "--no-ff", "-S", "-m", "merge", "side"]);
    assert_eq!(lab.load(Some(&second)).unwrap(), names(&["operator", "reviewer"]));
    // From a remote as well, and again from its mirror.
    let remote = format!("file://{}", lab.folder().display());
    for _ in 0..2 {
        assert_eq!(
            lab.load_with(&lab.trust(""), &remote, None).unwrap(),
            names(&["operator", "reviewer"])
        );
    }
    let authors =
        source::authors(&remote, &lab.world.path("data"), &second, &lab.tip(), &lab.trust(""));
    assert_eq!(authors.unwrap(), names(&["operator", "reviewer"]));
}

#[test]
fn one_commit_that_nobody_signed_refuses_all() {
    let lab = Lab::new();
    lab.commit("operator", "one");
    lab.world.desired("hosts/a/note.toml", "# unsigned\n");
    let unsigned = lab.world.commit();
    let last = lab.commit("operator", "covered up");
    let error = lab.refused(None, "unsigned_commit");
    assert!(error.to_string().contains(&unsigned), "{error}");
    // Only what came after an accepted tip is asked about.
    assert_eq!(lab.load(Some(&last)).unwrap(), names(&[]));
}

#[test]
fn an_unsigned_side_branch_comes_in_by_no_merge() {
    let lab = Lab::new();
    let base = lab.commit("operator", "one");
    lab.git(&["checkout", "--quiet", "-b", "side"]);
    lab.world.desired("hosts/a/other.toml", "# x\n");
    lab.world.commit();
    lab.git(&["checkout", "--quiet", "main"]);
    lab.signed("operator", &["merge", "--quiet", "--no-ff", "-S", "-m", "merge", "side"]);
    lab.refused(Some(&base), "unsigned_commit");
    // Neither does a merge that is not signed itself.
    let lab = Lab::new();
    let base = lab.commit("operator", "one");
    lab.git(&["checkout", "--quiet", "-b", "side"]);
    lab.commit("reviewer", "side");
    lab.git(&["checkout", "--quiet", "main"]);
    lab.git(&["merge", "--quiet", "--no-ff", "-m", "merge", "side"]);
    lab.refused(Some(&base), "unsigned_commit");
}

#[test]
fn strangers_and_those_who_were_revoked_sign_nothing() {
    let lab = Lab::new();
    lab.commit("stranger", "one");
    lab.refused(None, "unknown_committer");
    let lab = Lab::new();
    lab.commit("operator", "one");
    let revoked = format!("revoked = [\"{}\"]", lab.keys.line("operator"));
    let source = lab.folder().display().to_string();
    let error = lab.load_with(&lab.trust(&revoked), &source, None);
    assert!(
        matches!(error, Err(SourceError::Signed(SignedError::RevokedCommitter { .. }))),
        "{error:?}"
    );
}

#[test]
fn a_signature_of_other_bytes_or_another_kind_does_not_hold() {
    let lab = Lab::new();
    let good = lab.commit("operator", "one");
    let object = lab.git(&["cat-file", "commit", &good]);
    for (forged, what) in [
        (object.replace("\none\n", "\ntwo\n"), "its message"),
        (object.replace("SSH SIGNATURE", "PGP SIGNATURE"), "its kind"),
        (object.replacen("AAAA", "AAAB", 1), "its signature"),
    ] {
        assert_ne!(forged, object, "{what}");
        fs::write(lab.world.path("forged"), &forged).unwrap();
        let path = lab.world.path("forged");
        let id =
            lab.git(&["hash-object", "-t", "commit", "-w", "--literally", path.to_str().unwrap()]);
        lab.git(&["update-ref", "refs/heads/main", id.trim()]);
        lab.refused(None, "bad_commit_signature");
    }
}

#[test]
fn a_branch_that_goes_back_is_refused() {
    let lab = Lab::new();
    let one = lab.commit("operator", "one");
    let two = lab.commit("operator", "two");
    lab.git(&["reset", "--quiet", "--hard", &one]);
    lab.refused(Some(&two), "rewound");
    // Also when it goes on from there.
    lab.commit("operator", "another two");
    lab.refused(Some(&two), "rewound");
    // And when it never contained the first commit.
    lab.git(&["checkout", "--quiet", "--orphan", "fresh"]);
    lab.signed("operator", &["commit", "--quiet", "-S", "-m", "fresh"]);
    lab.git(&["branch", "--quiet", "-M", "main"]);
    lab.refused(None, "rewound");
    let gone = "f".repeat(40);
    lab.refused(Some(&gone), "no_commit");
}

#[test]
fn parents_are_those_of_the_commits_and_not_what_the_repository_pretends() {
    let lab = Lab::new();
    let one = lab.commit("operator", "one");
    lab.world.desired("hosts/a/note.toml", "# unsigned\n");
    let unsigned = lab.world.commit();
    let last = lab.commit("operator", "covered up");
    // A graft would hide the commit in between from whoever asks libgit2.
    fs::write(lab.folder().join(".git/info/grafts"), format!("{last} {one}\n")).unwrap();
    let error = lab.refused(None, "unsigned_commit");
    assert!(error.to_string().contains(&unsigned), "{error}");
    fs::remove_file(lab.folder().join(".git/info/grafts")).unwrap();
    // So would a replacement.
    lab.git(&["replace", "--graft", &last, &one]);
    lab.refused(None, "unsigned_commit");
}

#[test]
fn the_program_refuses_before_it_reads() {
    let lab = Lab::new();
    lab.commit("operator", "one");
    let trust =
        format!("version = 1\n[committer.operator]\nkeys = [\"{}\"]\n", lab.keys.line("operator"));
    lab.world.write("trust.toml", trust);
    let config = |first: &str| {
        let text = format!(
            "host = \"a\"\nroot = \"root\"\ndata = \"data\"\n[source]\nurl = \"desired\"\nverify = \"signed\"\nfirst_commit = \"{first}\"\n\
             [observe]\nroots = [\"/\"]\n"
        );
        lab.world.write("config.toml", text);
    };
    config(&lab.first);
    for name in ["trust.toml", "config.toml"] {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        fs::set_permissions(lab.world.path(name), mode).unwrap();
    }
    let path = lab.world.path("config.toml");
    let check = || run(&["check", "--config", path.to_str().unwrap()]);
    check().ends_with(0);
    lab.world.desired("hosts/a/note.toml", "this is no TOML");
    lab.world.commit();
    let ran = check().ends_with(8);
    assert!(
        ran.stderr.contains("carries no signature") && !ran.stderr.contains("CS0001"),
        "{}",
        ran.stderr
    );
    lab.git(&["reset", "--quiet", "--hard", "HEAD~1"]);
    config(&"0".repeat(40));
    assert!(check().ends_with(8).stderr.contains("is not there"));
    config(&lab.first);
    fs::remove_dir_all(lab.folder().join(".git")).unwrap();
    assert!(check().ends_with(8).stderr.contains("no git repository"));
    // Without a trust file nobody is trusted.
    fs::remove_file(lab.world.path("trust.toml")).unwrap();
    assert!(check().ends_with(78).stderr.contains("trust.toml"));
}
