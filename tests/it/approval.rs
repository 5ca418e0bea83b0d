//! Approving from the outside: real `ssh-keygen`, agents, certificates; what stock OpenSSH says of the same statements.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::keys::{Agent, Keys, sign, succeeds, verifies};
use crate::program::{Ran, World, command, git, ran, run};

const NAMESPACE: &str = "countersign/approval/v1";

/// A host whose desired state wants one directory more, a plan for it, and people with keys.
struct Lab {
    world: World,
    keys: Keys,
    digest: String,
}

impl Lab {
    fn new() -> Self {
        let (world, keys) = (World::new(), Keys::new());
        for (kind, name) in [("ed25519", "first"), ("ecdsa", "second"), ("ed25519", "other")] {
            keys.make(kind, name);
        }
        world.host_file("etc/machine-id", "0123456789abcdef0123456789abcdef\n");
        world.host_file("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n");
        world.host_file("etc/group", "root:x:0:\n");
        world.host_folder("srv", 0o755);
        world.desired("hosts/a/host.toml", "[host]\nidentity = { hostname = \"testhost\" }\n");
        world.desired(
            "hosts/a/r.toml",
            "[directory.\"/srv/runs\"]\nowner = \"root\"\ngroup = \"root\"\nmode = \"0750\"\n",
        );
        world.commit();
        let mut lab = Self { world, keys, digest: String::new() };
        lab.file("config.toml", "host = \"a\"\nroot = \"root\"\ndata = \"data\"\n[source]\nurl = \"desired\"\n[observe]\nroots = [\"/\"]\n");
        lab.file("switch.toml", "version = 1\n");
        lab.trust("separation = \"none\"\n");
        let (config, plan) = (lab.config(), lab.plan());
        run(&["plan", "--config", &config, "-o", &plan]).ends_with(0);
        // As somebody would take it who does not trust the program that shows the plan.
        let sum = Command::new("sha256sum").arg(&plan).output().unwrap();
        String::from_utf8(sum.stdout).unwrap()[..64].clone_into(&mut lab.digest);
        lab
    }

    fn file(&self, name: &str, text: &str) {
        self.world.write(name, text);
        let mode = fs::Permissions::from_mode(0o644);
        fs::set_permissions(self.world.path(name), mode).unwrap();
    }

    fn trust(&self, policy: &str) {
        let text = format!(
            "version = 1\n[approver.first]\nkeys = [\"{}\"]\nroles = [\"dba\"]\n[approver.second]\nkeys = [\"{}\"]\nroles = [\"owner\"]\n\
             [policy.provision]\nactions = [\"create_directory\"]\nroots = [\"/srv\"]\nmax_steps = 4\ntotal = 2\n\
             require = [{{ role = \"dba\", min = 1 }}, {{ role = \"owner\", min = 1 }}]\nlifetime = \"24h\"\n{policy}",
            self.keys.line("first"),
            self.keys.line("second")
        );
        self.file("trust.toml", &text);
    }

    fn config(&self) -> String {
        self.world.path("config.toml").display().to_string()
    }

    fn plan(&self) -> String {
        self.world.path("plan.json").display().to_string()
    }

    fn path(&self, name: &str) -> String {
        self.world.path(name).display().to_string()
    }

    /// `approve` by one of the people, as a script would call it.
    fn approve(&self, who: &str, role: &str, more: &[&str]) -> Command {
        let (plan, key) = (self.plan(), self.keys.path(who).display().to_string());
        let words =
            ["approve", &plan, "--as", who, "--role", role, "--reason", "CHG-142", "--key", &key];
        command(&[&words[..], more].concat())
    }

    fn approved(&self, who: &str, role: &str, more: &[&str]) -> String {
        let file = self.path(&format!("{who}.approval"));
        let words = ["--digest", &self.digest, "-o", &file];
        let mut approve = self.approve(who, role, &[&words[..], more].concat());
        ran(&approve.output().unwrap()).ends_with(0);
        file
    }

    fn status(&self, approvals: &[&str]) -> Ran {
        let (config, plan) = (self.config(), self.plan());
        let mut words = vec!["approve", "--config", &config, "--status", &plan];
        for file in approvals {
            words.extend(["--approval", file]);
        }
        run(&words)
    }

    #[track_caller]
    fn refused(&self, approvals: &[&str], code: &str) {
        let ran = self.status(approvals).ends_with(6);
        assert!(ran.stdout.contains(&format!(" {code}: ")), "{code}\n{}", ran.stdout);
    }
}

#[test]
fn two_people_sign_and_the_status_says_what_is_missing() {
    let lab = Lab::new();
    let ran = lab.status(&[]).ends_with(6);
    for part in [
        "0 of 1 as `dba`; could: first",
        "0 of 2 people in all; could: first, second",
        "NOT APPROVED",
    ] {
        assert!(ran.stdout.contains(part), "{part}\n{}", ran.stdout);
    }
    let first = lab.approved("first", "dba", &[]);
    let ran = lab.status(&[&first]).ends_with(6);
    assert!(ran.stdout.contains("1 of 2 people in all; could: second"), "{}", ran.stdout);
    let second = lab.approved("second", "owner", &["--expires", "30m"]);
    let ran = lab.status(&[&first, &second]).ends_with(0);
    assert!(
        ran.stdout.ends_with("APPROVED\n") && ran.stdout.contains("policy provision"),
        "{}",
        ran.stdout
    );
    let text = fs::read_to_string(&second).unwrap();
    assert!(text.contains("\nsummary: 1 step: 1 create_directory; touches /srv/runs\n"), "{text}");
}

#[test]
fn stock_openssh_takes_the_same_statements() {
    let lab = Lab::new();
    let config = lab.config();
    let allowed =
        run(&["trust", "export-allowed-signers", "--config", &config]).ends_with(0).stdout;
    lab.file("allowed", &allowed);
    for (who, role) in [("first", "dba"), ("second", "owner")] {
        let mut approve = lab.approve(who, role, &["--digest", &lab.digest]);
        ran(&approve.output().unwrap()).ends_with(0);
        let text = format!("{}.{who}.statement", lab.plan());
        let (allowed, signature) =
            (lab.world.path("allowed"), PathBuf::from(format!("{text}.sig")));
        let bytes = fs::read(&text).unwrap();
        assert!(verifies(&allowed, who, NAMESPACE, &signature, &bytes));
        assert!(!verifies(&allowed, who, "git", &signature, &bytes));
        assert!(!verifies(&allowed, "other", NAMESPACE, &signature, &bytes));
        lab.refused(&[&text], "insufficient");
    }
}

#[test]
fn an_agent_signs_without_the_private_key() {
    let lab = Lab::new();
    let key = lab.keys.path("first");
    let agent = Agent::with(&lab.keys, &key);
    fs::remove_file(&key).unwrap();
    let public = lab.keys.path("first.pub").display().to_string();
    let (plan, file) = (lab.plan(), lab.path("a.approval"));
    let words =
        ["approve", &plan, "--as", "first", "--role", "dba", "--reason", "x", "--key", &public];
    let mut approve = command(&[&words[..], &["--digest", &lab.digest, "-o", &file]].concat());
    ran(&approve.env("SSH_AUTH_SOCK", &agent.socket).output().unwrap()).ends_with(0);
    lab.refused(&[&file], "insufficient");
    // Without the agent there is nothing to sign with, and nothing is written.
    fs::remove_file(&file).unwrap();
    let mut approve = command(&[&words[..], &["--digest", &lab.digest, "-o", &file]].concat());
    ran(&approve.output().unwrap()).ends_with(6);
    assert!(!Path::new(&file).exists());
}

#[test]
fn whatever_was_signed_otherwise_counts_for_nothing() {
    let lab = Lab::new();
    let first = lab.approved("first", "dba", &[]);
    let good = fs::read(lab.approved("second", "owner", &[])).unwrap();
    let at = good.windows(11).position(|part| part == b"\n-----BEGIN").unwrap() + 1;
    let (statement, signature) = good.split_at(at);
    let second = lab.keys.path("second");
    let with = |name: &str, statement: &[u8], signature: &[u8]| {
        lab.world.write(name, statement);
        lab.world.write(&format!("{name}.sig"), signature);
        lab.path(name)
    };
    lab.status(&[&first, &with("good", statement, signature)]).ends_with(0);
    let mut changed = statement.to_vec();
    let role = changed.windows(5).position(|part| part == b"CHG-1").unwrap();
    changed[role] = b'X';
    for (name, text, signature, code) in [
        ("namespace", statement, sign(&second, "git", statement), "wrong_namespace"),
        ("file", statement, sign(&second, "file", statement), "wrong_namespace"),
        ("stranger", statement, sign(&lab.keys.path("other"), NAMESPACE, statement), "unknown_key"),
        ("other", statement, sign(&lab.keys.path("first"), NAMESPACE, statement), "unknown_key"),
        ("changed", &changed[..], signature.to_vec(), "bad_signature"),
        ("after", statement, [signature, &b"x\n"[..]].concat(), "bad_signature"),
        ("before", statement, [&b"x\n"[..], signature].concat(), "bad_signature"),
        ("twice", statement, [signature, signature].concat(), "bad_signature"),
        ("none", statement, Vec::new(), "bad_signature"),
        (
            "text",
            b"approve it, please\n",
            sign(&second, NAMESPACE, b"approve it, please\n"),
            "no_statement",
        ),
    ] {
        lab.refused(&[&first, &with(name, text, &signature)], code);
    }
}

#[test]
fn certificates_and_rsa_are_refused() {
    let lab = Lab::new();
    let first = lab.approved("first", "dba", &[]);
    let ca = lab.keys.make("ed25519", "ca");
    let mut certify = Command::new("ssh-keygen");
    certify.args(["-q", "-I", "second", "-n", "second", "-s"]).arg(&ca);
    succeeds(&certify.arg(lab.keys.path("second.pub")).output().unwrap());
    let second = lab.approved("second", "owner", &[]);
    let text = fs::read(second).unwrap();
    let at = text.windows(11).position(|part| part == b"\n-----BEGIN").unwrap() + 1;
    lab.world.write("certified", &text[..at]);
    let signature = sign(&lab.keys.path("second-cert.pub"), NAMESPACE, &text[..at]);
    lab.world.write("certified.sig", signature);
    lab.refused(&[&first, &lab.path("certified")], "bad_signature");
    lab.keys.make("rsa", "rsa");
    let mut approve = lab.approve("rsa", "owner", &["--digest", &lab.digest]);
    let ran = ran(&approve.output().unwrap()).ends_with(6);
    assert!(ran.stderr.contains("RSA keys are not taken"), "{}", ran.stderr);
}

#[test]
fn nobody_signs_unasked() {
    let lab = Lab::new();
    let try_with = |more: &[&str]| ran(&lab.approve("first", "dba", more).output().unwrap());
    assert!(try_with(&[]).ends_with(64).stderr.contains("no terminal"));
    let other = "0".repeat(64);
    assert!(
        try_with(&["--digest", &other]).ends_with(6).stderr.contains("the digest of this plan")
    );
    assert!(try_with(&["--digest", &lab.digest[..6]]).ends_with(6).stderr.contains("digest"));
    let mut remote = lab.approve("first", "dba", &["--digest", &lab.digest]);
    let ran_remote = ran(&remote.env("SSH_CONNECTION", "1 2 3 4").output().unwrap()).ends_with(64);
    assert!(ran_remote.stderr.contains("--i-am-remote"), "{}", ran_remote.stderr);
    assert!(!Path::new(&format!("{}.first.statement", lab.plan())).exists());
    let mut meant = lab.approve("first", "dba", &["--digest", &lab.digest, "--i-am-remote"]);
    ran(&meant.env("SSH_CONNECTION", "1 2 3 4").output().unwrap()).ends_with(0);
    // A reason that would add a line is none.
    let (plan, key) = (lab.plan(), lab.keys.path("first").display().to_string());
    let words = [
        "approve",
        &plan,
        "--as",
        "first",
        "--role",
        "dba",
        "--key",
        &key,
        "--digest",
        &lab.digest,
    ];
    run(&[&words[..], &["--reason", "x\nexpires: 2099-01-01T00:00:00Z"]].concat()).ends_with(64);
    let mut bytes = fs::read(&plan).unwrap();
    bytes.push(b'\n');
    fs::write(&plan, bytes).unwrap();
    let edited = try_with(&["--digest", &lab.digest]).ends_with(8);
    assert!(edited.stderr.contains("plan"), "{}", edited.stderr);
}

#[test]
fn imported_statements_and_those_of_the_repository_count() {
    let lab = Lab::new();
    let (first, second) = (lab.approved("first", "dba", &[]), lab.approved("second", "owner", &[]));
    let config = lab.config();
    run(&["approve", "--config", &config, "--import", &first]).ends_with(0);
    lab.refused(&[], "insufficient");
    // second's goes by the repository, which is a folder here.
    let desired = lab.world.path("desired");
    let push = |file: &str, name: &str| {
        let blob = git(&desired, &["hash-object", "-w", file]);
        let name = format!("refs/countersign/approvals/{}/{name}", lab.digest);
        git(&desired, &["update-ref", &name, blob.trim()]);
    };
    push(&second, "second");
    lab.status(&[]).ends_with(0);
    // And from a remote.
    let remote = format!("url = \"file://{}\"", desired.display());
    let text = fs::read_to_string(&config).unwrap().replace("url = \"desired\"", &remote);
    lab.file("config.toml", &text);
    lab.status(&[]).ends_with(0);
    // Rubbish among them says nothing; a veto says no.
    lab.world.write("rubbish", "x".repeat(100_000));
    push(&lab.path("rubbish"), "rubbish");
    lab.status(&[]).ends_with(0);
    let veto = lab.approved("second", "owner", &["--decision", "reject"]);
    push(&veto, "veto");
    lab.refused(&[], "rejected");
    // What was fetched once stays, whatever becomes of the ref.
    git(
        &desired,
        &["update-ref", "-d", &format!("refs/countersign/approvals/{}/veto", lab.digest)],
    );
    lab.refused(&[], "rejected");
    // Also when it comes back as something else.
    push(&second, "veto");
    lab.refused(&[], "rejected");
    // A repository that cannot be reached is a refusal.
    fs::rename(&desired, lab.world.path("gone")).unwrap();
    lab.refused(&[], "remote_unreachable");
    // Where it is none, what was fetched before still stands.
    lab.trust("separation = \"none\"\nremote = \"offline\"\n");
    let offline = lab.status(&[&second]).ends_with(6).stdout;
    assert!(offline.contains(" rejected: ") && !offline.contains("unreachable"), "{offline}");
}

#[test]
fn what_would_count_for_nothing_is_warned_of_and_not_imported() {
    let lab = Lab::new();
    let config = lab.config();
    let import =
        |files: &[&str]| run(&[&["approve", "--config", &config, "--import"][..], files].concat());
    let second = lab.approved("second", "owner", &[]);
    // `first` with a key that is somebody else's.
    let (plan, file) = (lab.plan(), lab.path("stranger.approval"));
    let key = lab.keys.path("other").display().to_string();
    let words =
        ["approve", &plan, "--as", "first", "--role", "dba", "--reason", "x", "--key", &key];
    let how = ["--digest", &lab.digest, "-o", &file];
    // Elsewhere nobody can tell; on the host itself it is said at once.
    let signed = run(&[&words[..], &how].concat()).ends_with(0);
    assert!(!signed.stderr.contains("warning"), "{}", signed.stderr);
    let signed = run(&[&words[..], &how, &["--config", &config]].concat()).ends_with(0);
    assert!(signed.stderr.contains("it counts for nothing: unknown_key"), "{}", signed.stderr);
    let refused = import(&[&second, &file]).ends_with(6).stderr;
    assert!(refused.contains("the trust file knows no such approver with that key"), "{refused}");
    assert!(!lab.world.path("data/approvals").exists(), "none of them was kept");
    let role = lab.approved("first", "owner", &[]);
    assert!(import(&[&role]).ends_with(6).stderr.contains("does not have that role"));
    import(&[&second]).ends_with(0);
    // What the trust file says is not known: nothing is taken for good.
    lab.file("trust.toml", "version = 1\nnonsense = 5\n");
    import(&[&second]).ends_with(78);
}

#[test]
fn authors_have_to_be_known_where_they_may_not_approve() {
    let lab = Lab::new();
    let (first, second) = (lab.approved("first", "dba", &[]), lab.approved("second", "owner", &[]));
    lab.trust("");
    lab.refused(&[&first, &second], "author_unknown");
}

#[test]
fn a_window_that_is_shut_has_a_code_of_its_own() {
    let lab = Lab::new();
    let (first, second) = (lab.approved("first", "dba", &[]), lab.approved("second", "owner", &[]));
    lab.trust("separation = \"none\"\nfreeze = [\"2000-01-01/2999-12-31\"]\n");
    let ran = lab.status(&[&first, &second]).ends_with(7);
    assert!(ran.stdout.contains("outside_window"), "{}", ran.stdout);
}

#[test]
fn the_trust_file_is_linted_and_shown() {
    let lab = Lab::new();
    let config = lab.config();
    let trust = |verb: &str| run(&["trust", verb, "--config", &config]);
    assert_eq!(
        trust("lint").ends_with(0).stdout,
        "2 approvers, 0 committers, 1 policy, 0 warnings\n"
    );
    let shown = trust("show").ends_with(0).stdout;
    for part in ["first  as dba", "2 people: 1 as dba, 1 as owner", "paths     /srv", "at most 1 d"]
    {
        assert!(shown.contains(part), "{part}\n{shown}");
    }
    let text = fs::read_to_string(lab.world.path("trust.toml")).unwrap();
    let shared = text.replace(&lab.keys.line("second"), &lab.keys.line("first"));
    lab.file("trust.toml", &shared);
    let linted = trust("lint").ends_with(0).stdout;
    assert!(linted.contains("CS0025") && linted.contains("count as one person"), "{linted}");
    lab.file("trust.toml", &text.replace("total = 2", "total = 0"));
    let ran = trust("lint").ends_with(78);
    assert!(ran.stderr.contains("total") && ran.stderr.contains("nonzero"), "{}", ran.stderr);
    let mode = fs::Permissions::from_mode(0o666);
    fs::set_permissions(lab.world.path("trust.toml"), mode).unwrap();
    assert!(trust("show").ends_with(78).stderr.contains("lets others write"));
}

#[test]
fn a_halt_is_set_told_ordered_and_lifted() {
    let lab = Lab::new();
    let config = lab.config();
    let halt = |more: &[&str]| run(&[&["halt", "--config", &config], more].concat());
    assert!(halt(&["--status"]).ends_with(0).stdout.contains("nothing is halted"));
    halt(&["--reason", "the disk\nsmells"]).ends_with(0);
    let told = halt(&["--status"]).ends_with(7).stdout;
    assert!(told.contains("the disk\\nsmells") && told.contains("by: uid "), "{told}");
    assert_eq!(halt(&["--lift", "--reason", "aired"]).ends_with(0).stdout.lines().count(), 1);
    halt(&["--status"]).ends_with(0);
    // Where that cannot be told, it is halted.
    let markers = lab.path("data/halt");
    fs::rename(&markers, lab.path("data/aside")).unwrap();
    fs::write(&markers, "").unwrap();
    let untold = halt(&["--status"]).ends_with(7).stderr;
    assert!(untold.contains("whether it is halted cannot be told, so it is"), "{untold}");
    fs::remove_file(&markers).unwrap();
    fs::rename(lab.path("data/aside"), &markers).unwrap();
    halt(&["--status"]).ends_with(0);
    // An order of an approver halts as well, once for each order.
    let order = |host: &str| {
        format!(
            "countersign halt v1\nhost: {host}\napprover: first\nreason: look at this\ntime: 2026-11-23T12:00:00Z\n"
        )
    };
    let signed = |name: &str, text: &str, key: &str, namespace: &str| {
        lab.world.write(name, text);
        let signature = sign(&lab.keys.path(key), namespace, text.as_bytes());
        lab.world.write(&format!("{name}.sig"), signature);
        lab.path(name)
    };
    let purpose = "countersign/halt/v1";
    for (name, text, key, namespace) in [
        ("approval", order("a"), "first", NAMESPACE),
        ("stranger", order("a"), "other", purpose),
        ("elsewhere", order("b"), "first", purpose),
        ("form", order("a").replace("time", "when"), "first", purpose),
    ] {
        halt(&["--import", &signed(name, &text, key, namespace)]).ends_with(6);
    }
    lab.world.write("unsigned", order("a"));
    let refused = halt(&["--import", &lab.path("unsigned")]).ends_with(6).stderr;
    assert!(refused.contains("ssh-keygen -Y sign -n countersign/halt/v1"), "{refused}");
    halt(&["--status"]).ends_with(0);
    let file = signed("order", &order("any"), "first", purpose);
    assert!(halt(&["--import", &file]).ends_with(0).stdout.contains("halted: "));
    assert!(halt(&["--import", &file]).ends_with(0).stdout.contains("already"));
    assert!(halt(&["--status"]).ends_with(7).stdout.contains("look at this"));
    // A ledger that cannot be written prevents no halt, and no lifting goes unrecorded.
    let ledger = lab.world.path("data/ledger/executor");
    let mut files = fs::read_dir(&ledger).unwrap().map(|entry| entry.unwrap().path());
    let segment = files.find(|path| path.extension().is_some_and(|e| e == "jsonl")).unwrap();
    let text = fs::read_to_string(&segment).unwrap();
    fs::write(&segment, text.replacen("\"seq\"", "\"sEq\"", 1)).unwrap();
    let ran = halt(&["--reason", "again"]).ends_with(0);
    assert!(ran.stderr.contains("the ledger does not say so"), "{}", ran.stderr);
    assert_ne!(halt(&["--lift", "--reason", "x"]).code, 0);
    halt(&["--status"]).ends_with(7);
    fs::write(&segment, &text).unwrap();
    halt(&["--lift", "--reason", "x"]).ends_with(0);
    let text = fs::read_to_string(&segment).unwrap();
    assert!(text.contains("halt.set") && text.contains("halt.lifted"), "{text}");
    for flag in [["--data", "/x"], ["--root", "/"], ["--desired", "x"], ["--host", "x"]] {
        halt(&[&["--reason", "x"][..], &flag].concat()).ends_with(64);
    }
    let mut tried = command(&["halt", "--config", &config, "--reason", "x"]);
    ran_ends(tried.env("COUNTERSIGN_DATA", "/x"), 64);
    halt(&["--reason", " "]).ends_with(64);
}

#[track_caller]
fn ran_ends(command: &mut Command, code: i32) {
    ran(&command.output().unwrap()).ends_with(code);
}

#[test]
fn a_person_reads_the_plan_and_types_its_first_digits() {
    let lab = Lab::new();
    let typed = |digits: &str| {
        let (plan, key) = (lab.plan(), lab.keys.path("first").display().to_string());
        let program = env!("CARGO_BIN_EXE_countersign");
        let words =
            format!("{program} approve {plan} --as first --role dba --reason CHG-142 --key {key}");
        let mut script = Command::new("script");
        script.args(["--quiet", "--return", "--command", &words, "/dev/null"]);
        script.env_remove("SSH_CONNECTION").stdin(Stdio::piped()).stdout(Stdio::piped());
        let Ok(mut child) = script.spawn() else { return None };
        child.stdin.take().unwrap().write_all(format!("{digits}\n").as_bytes()).unwrap();
        Some(ran(&child.wait_with_output().unwrap()))
    };
    let Some(wrong) = typed("000000") else {
        assert!(std::env::var_os("CI").is_none(), "there is no `script` to make a terminal with");
        eprintln!("SKIPPED, nothing was tested: there is no `script` to make a terminal with");
        return;
    };
    assert!(wrong.ends_with(6).stdout.contains("nothing was signed"));
    let statement = format!("{}.first.statement", lab.plan());
    assert!(!Path::new(&statement).exists());
    let right = typed(&lab.digest[..6]).unwrap().ends_with(0);
    for part in ["create directory /srv/runs", &lab.digest, "approve until"] {
        assert!(right.stdout.contains(part), "{part}\n{}", right.stdout);
    }
    lab.refused(&[&statement], "insufficient");
}

/// Approving on a machine that remembers what it saw of the ledger.
impl Lab {
    fn bundle(&self, name: &str, more: &[&str]) -> String {
        let (config, file) = (self.config(), self.path(name));
        run(&[&["plan", "--config", &config, "-o", &self.plan(), "--export", &file], more].concat())
            .ends_with(0);
        file
    }

    /// What comes of approving a plan or bundle, and the checkpoints that the statement cites.
    fn witnessed(&self, file: &str) -> (Ran, Vec<String>) {
        let digest = countersign::model::Digest::of(&fs::read(self.plan()).unwrap()).to_string();
        let (key, signed) =
            (self.keys.path("first").display().to_string(), self.path("seen.approval"));
        let _ = fs::remove_file(&signed);
        let words =
            ["approve", file, "--as", "first", "--role", "dba", "--reason", "x", "--key", &key];
        let mut approve = command(&[&words[..], &["--digest", &digest, "-o", &signed]].concat());
        let ran = ran(&approve.env("XDG_STATE_HOME", self.path("state")).output().unwrap());
        let text = fs::read_to_string(&signed).unwrap_or_default();
        let cited = text.lines().filter_map(|line| line.strip_prefix("log: "));
        (ran, cited.map(str::to_owned).collect())
    }

    /// Desired state wants another directory, so that there is another plan.
    fn want(&self, path: &str) {
        let text = format!(
            "[directory.\"{path}\"]\nowner = \"root\"\ngroup = \"root\"\nmode = \"0750\"\n"
        );
        self.world.desired("hosts/a/r.toml", text);
        self.world.commit();
    }
}

#[test]
fn a_machine_remembers_the_ledgers_that_it_saw() {
    let lab = Lab::new();
    let (ran, first) = lab.witnessed(&lab.bundle("one", &[]));
    assert!(ran.stderr.contains("for the first time, with 2 entries"), "{}", ran.stderr);
    assert_eq!(first.len(), 1);
    let seen = lab.path("state/countersign/seen.json");
    assert!(fs::read_to_string(&seen).unwrap().contains("executor\\n2\\n"), "it was kept");
    lab.want("/srv/two");
    let (ran, second) = lab.witnessed(&lab.bundle("two", &[]));
    ran.ends_with(0);
    assert!(
        second.len() == 1 && second != first,
        "it grew, and the newer one is cited: {second:?}"
    );
    // A plan that comes alone: what was seen is cited all the same.
    assert_eq!(lab.witnessed(&lab.plan()).1, second);
}

#[test]
fn a_machine_signs_nothing_for_a_ledger_that_was_begun_anew_or_forked() {
    let lab = Lab::new();
    let copied = |from: &str, to: &str| {
        let mut copy = Command::new("cp");
        assert!(copy.arg("-a").arg(lab.path(from)).arg(lab.path(to)).status().unwrap().success());
    };
    copied("data", "earlier");
    lab.want("/srv/two");
    let (ran, _) = lab.witnessed(&lab.bundle("two", &[]));
    ran.ends_with(0);
    // The folder of the host is taken back, and another plan is sealed in the place of that one.
    fs::remove_dir_all(lab.path("data")).unwrap();
    copied("earlier", "data");
    lab.want("/srv/three");
    let (ran, cited) = lab.witnessed(&lab.bundle("three", &[]));
    let ran = ran.ends_with(8);
    assert!(ran.stderr.contains("neither has grown out of the other"), "{}", ran.stderr);
    assert!(cited.is_empty() && !ran.stdout.contains("statement"), "nothing was signed");
    // Another ledger of the same name, with another key.
    fs::remove_dir_all(lab.path("data")).unwrap();
    let ran = lab.witnessed(&lab.bundle("four", &[])).0.ends_with(8);
    assert!(ran.stderr.contains("has another key"), "{}", ran.stderr);
    // What cannot be read is not taken for nothing.
    fs::write(lab.path("state/countersign/seen.json"), "{}").unwrap();
    let ran = lab.witnessed(&lab.plan()).0.ends_with(1);
    assert!(ran.stderr.contains("seen.json"), "{}", ran.stderr);
}
