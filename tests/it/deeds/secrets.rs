//! A canary in every place of secrets comes out nowhere: not in plans, ledgers, blobs, statements or outputs.

use std::fs;
use std::path::{Path, PathBuf};

use ssh_key::LineEnding;

use super::{Lab, Who};
use crate::program::{Ran, command, ran};

const CANARY: &str = "canary-7f3a9c51";

/// The program with a canary in its environment.
fn run(words: &[&str]) -> Ran {
    let mut command = command(words);
    command.env("PGPASSWORD", CANARY).env("SECRET", CANARY).env("SSH_ASKPASS", CANARY);
    ran(&command.output().unwrap())
}

fn files(at: &Path, found: &mut Vec<PathBuf>) {
    if at.is_dir() {
        for entry in fs::read_dir(at).unwrap() {
            files(&entry.unwrap().path(), found);
        }
    } else {
        found.push(at.to_owned());
    }
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|part| part == text.as_bytes())
}

#[test]
fn a_canary_in_every_secret_comes_out_nowhere() {
    let secret = "[file.\"/srv/secret\"]\nowner = \"me\"\ngroup = \"me\"\nmode = \"0600\"\nsource = \"files/note\"\n";
    let lab = Lab::wanting(&format!("{}{secret}", super::WANTED));
    lab.world.desired(
        "hosts/a/host.toml",
        "[host]\nidentity = { hostname = \"testhost\" }\n[database.app]\nidentity = { name = \"app\" }\n",
    );
    lab.want(&format!("{}{secret}[pg_role.\"app.reader\"]\ndatabase = \"app\"\n", super::WANTED));
    // The file that is replaced may not be shown; its name differs from what is wanted in content alone.
    lab.world.host_file("srv/secret", format!("password = {CANARY}\n"));
    lab.mode("root/srv/secret", 0o600);
    lab.file("password", CANARY);
    lab.mode("password", 0o600);
    lab.configure(
        "[database.app]\nobserver = { url = \"postgres://reader@127.0.0.1:1/app\", password_file = \"password\" }\n",
    );
    let key = Who::Operator.key().to_openssh(LineEnding::LF).unwrap();
    lab.file("operator", &key);
    lab.mode("operator", 0o600);
    let (config, plan, first) =
        (lab.path("config.toml"), lab.path("plan.json"), lab.path("first.json"));
    let mut outputs = Vec::new();
    let mut tell = |ran: Ran| {
        outputs.push(ran.everything());
        ran
    };
    tell(run(&["check", "--config", &config, "-v"]));
    let planned = tell(run(&["plan", "--config", &config, "-o", &plan, "-v"])).ends_with(0);
    assert!(planned.stdout.contains("/srv/secret"), "{}", planned.stdout);
    let (_, digest) = lab.read();
    let (hex, operator) = (digest.to_string(), lab.path("operator.approval"));
    let words = ["approve", &plan, "--as", "operator", "--role", "dba", "--reason", "x", "--key"];
    let key_file = lab.path("operator");
    let more = [key_file.as_str(), "--digest", &hex, "-o", &operator];
    tell(run(&[&words[..], &more].concat())).ends_with(0);
    let reviewer = lab.says(Who::Reviewer, super::NAMESPACE, |_| ());
    let words = ["apply", &plan, "--config", &config, "--approval", &operator];
    tell(run(&words)).ends_with(6);
    tell(run(&[&words[..], &["--approval", &reviewer]].concat())).ends_with(0);
    fs::copy(&plan, &first).unwrap();
    tell(run(&["plan", "--config", &config, "--undo", &first, "-o", &plan])).ends_with(0);
    tell(run(&["show", &plan]));
    tell(run(&["ledger", "--config", &config, "show", "-v"]));
    tell(run(&["config", "--config", &config]));
    // The lines of private keys are canaries as well.
    let own = fs::read_to_string(lab.ledger().join("key")).unwrap();
    let keys: Vec<&str> = key.lines().filter(|line| line.len() > 60).chain(own.lines()).collect();
    let canaries: Vec<&str> =
        keys.into_iter().chain([CANARY]).filter(|line| line.len() > 12).collect();
    assert!(canaries.len() >= 4, "{canaries:?}");
    let mut written = Vec::new();
    files(&lab.world.path("data"), &mut written);
    written.retain(|file| !file.ends_with("executor/key"));
    written.extend([&plan, &first, &operator, &reviewer].map(PathBuf::from));
    for canary in canaries {
        for file in &written {
            assert!(!contains(&fs::read(file).unwrap(), canary), "{}", file.display());
        }
        assert!(outputs.iter().all(|output| !output.contains(canary)), "{outputs:?}");
    }
    assert_eq!(fs::read(lab.host("srv/secret")).unwrap(), b"hello\n");
}
