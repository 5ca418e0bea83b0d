//! What a controller takes from its source where signatures are asked for, and what it refuses while the last good one stays.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

use crate::keys::Keys;
use crate::program::git;
use crate::watched::{FILE, RUNS, Watched, condition};

/// A controller that takes commits of `operator` alone.
struct Signed {
    watched: Watched,
    keys: Keys,
}

impl Signed {
    fn new() -> Self {
        let keys = Keys::new();
        for name in ["operator", "stranger"] {
            keys.make("ed25519", name);
        }
        let watched = Watched::silent(FILE);
        let trust =
            format!("version = 1\n[committer.operator]\nkeys = [\"{}\"]\n", keys.line("operator"));
        watched.world.write("trust.toml", trust);
        let signed = Self { watched, keys };
        signed.accept("refuse");
        let mode = fs::Permissions::from_mode(0o644);
        fs::set_permissions(signed.watched.world.path("trust.toml"), mode).unwrap();
        signed
    }

    fn accept(&self, force_push: &str) {
        let path = self.watched.world.path("desired");
        let first = git(&path, &["rev-list", "--max-parents=0", "HEAD"]).trim().to_owned();
        self.watched
            .configure(&format!("[watch]\ninterval = \"12h\"\nforce_push = \"{force_push}\"\n"));
        let config = fs::read_to_string(self.watched.world.path("config.toml")).unwrap();
        let source = format!("[source]\nverify = \"signed\"\nfirst_commit = \"{first}\"\n");
        self.watched.world.write("config.toml", config.replacen("[source]\n", &source, 1));
        let mode = fs::Permissions::from_mode(0o644);
        fs::set_permissions(self.watched.world.path("config.toml"), mode).unwrap();
    }

    /// A commit signed by one of the keys; by nobody without one.
    fn commit(&self, who: Option<&str>, resources: &str) -> String {
        self.watched.world.desired("hosts/a/resources.toml", resources);
        let folder = self.watched.world.path("desired");
        git(&folder, &["add", "--all"]);
        let mut words = vec!["commit", "--quiet", "--allow-empty", "-m", "x"];
        let setting = who.map(|who| format!("user.signingkey={}", self.keys.path(who).display()));
        if let Some(setting) = &setting {
            words =
                [&["-c", "gpg.format=ssh", "-c", setting.as_str()], &words[..], &["-S"]].concat();
        }
        git(&folder, &words);
        git(&folder, &["rev-parse", "HEAD"]).trim().to_owned()
    }

    fn taken(&self, commit: &str) -> Value {
        self.watched.until("the commit", |status| {
            status["source"]["commit"] == commit
                && status["observed_generation"] == status["generation"]
        })
    }

    #[track_caller]
    fn refused(&self, stays: &str, reason: &str) -> Value {
        let status = self
            .watched
            .until(reason, |status| condition(status, "SourceVerified") == ("False", reason));
        assert_eq!(status["source"]["commit"], stays);
        assert_eq!(condition(&status, "Stalled"), ("True", reason));
        assert_eq!(condition(&status, "Ready"), ("False", reason));
        status
    }
}

#[test]
fn what_nobody_who_is_trusted_has_signed_is_refused_and_the_last_good_one_stays() {
    let mut signed = Signed::new();
    signed.watched.start();
    let one = signed.commit(Some("operator"), &format!("# one\n{FILE}"));
    let status = signed.taken(&one);
    assert_eq!(condition(&status, "SourceVerified"), ("True", "AcceptedSigned"));
    assert_eq!(status["source"]["verified"], true);
    for who in [None, Some("stranger")] {
        // Were it read, the host would have drifted.
        signed.commit(who, RUNS.replace("0750", "0700").as_str());
        let status = signed.refused(&one, "SourceUnsigned");
        assert_eq!(status["verdict"], "in_sync", "{who:?}");
        // What is signed later does not cover up what is not.
        signed.commit(Some("operator"), &format!("# covered up\n{FILE}"));
        signed.watched.run(&["reconcile", "--wait"]);
        signed.refused(&one, "SourceUnsigned");
        git(&signed.watched.world.path("desired"), &["reset", "--quiet", "--hard", &one]);
        signed.taken(&one);
        signed.watched.until("taken back", |status| {
            condition(status, "SourceVerified") == ("True", "AcceptedSigned")
        });
    }
    // It still looks by the last good one, and takes the next.
    signed.watched.world.host_file("srv/f", "changed");
    signed.watched.until_verdict("drift");
    let two = signed.commit(Some("operator"), &format!("# two\n{FILE}"));
    signed.taken(&two);
    let signers = |entry: &Value| entry["body"]["signers"].clone();
    let accepted = signed.watched.recorded("source.accepted");
    assert_eq!(signers(accepted.last().unwrap()), serde_json::json!(["operator"]));
}

#[test]
fn signed_as_it_may_be_a_branch_that_was_forced_is_refused() {
    let mut signed = Signed::new();
    // Where signatures are asked for, that is not the host's owner's to allow.
    signed.accept("accept");
    signed.watched.start();
    let one = signed.commit(Some("operator"), &format!("# one\n{FILE}"));
    signed.taken(&one);
    let two = signed.commit(Some("operator"), &format!("# two\n{FILE}"));
    signed.taken(&two);
    let folder = signed.watched.world.path("desired");
    git(&folder, &["reset", "--quiet", "--hard", &one]);
    signed.refused(&two, "SourceRewound");
    let other = signed.commit(Some("operator"), &format!("# another two\n{FILE}"));
    let status = signed
        .watched
        .until("the other one", |status| status["source"]["refused_commit"] == other.as_str());
    assert_eq!(condition(&status, "SourceVerified"), ("False", "SourceRewound"));
    // A new process knows it as well, from the ledger.
    signed.watched.kill();
    fs::remove_dir_all(signed.watched.world.path("data/watch")).unwrap();
    signed.watched.start();
    let status = signed.watched.until("still refused", |status| {
        condition(status, "SourceVerified") == ("False", "SourceRewound")
    });
    assert_eq!(
        (&status["verdict"], &status["source"]["commit"]),
        (&"unknown".into(), &Value::Null)
    );
    git(&folder, &["reset", "--quiet", "--hard", &two]);
    signed.taken(&two);
}
