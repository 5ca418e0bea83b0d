//! Ledgers from the outside: the verbs, a repository for checkpoints, and a second verifier that shares no line of code.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use countersign::ledger::event::{PlanDone, Refused};
use countersign::ledger::{ActorKind, Attachment, Event, Ledger, Writer};
use countersign::model::Digest;
use serde_json::Value;
use tempfile::TempDir;

use crate::program::{Ran, git, run, skipped};

const ORIGIN: &str = "example.org/a/executor";

struct Lab {
    folder: TempDir,
}

fn done(text: &str) -> Event {
    PlanDone { plan: Digest::of(text.as_bytes()) }.into()
}

fn refused(detail: &str) -> Event {
    let (verb, code, detail) = ("apply".to_owned(), "halted".to_owned(), detail.to_owned());
    Refused { verb, code, plan: None, detail }.into()
}

impl Lab {
    /// A ledger of five entries; its checkpoint covers all of them, and one of the first three was kept.
    fn new() -> Self {
        let lab = Self { folder: tempfile::tempdir().unwrap() };
        let writer = Writer::this(ActorKind::Executor);
        let mut ledger = Ledger::create(&lab.dir(), ORIGIN, "host-1", writer).unwrap();
        let plan = Attachment { name: "plan", bytes: b"a plan" };
        ledger.append(&done("one"), &[plan]).unwrap();
        ledger.append(&refused("\u{1b}[31mred \u{202e}"), &[]).unwrap();
        fs::write(lab.kept(), ledger.checkpoint().unwrap().note).unwrap();
        ledger.append(&done("two"), &[]).unwrap();
        ledger.append(&refused("x"), &[]).unwrap();
        ledger.checkpoint().unwrap();
        lab
    }

    fn dir(&self) -> PathBuf {
        self.folder.path().join("data/ledger/executor")
    }

    fn segment(&self) -> PathBuf {
        self.dir().join("00000000.jsonl")
    }

    fn kept(&self) -> PathBuf {
        self.folder.path().join("kept")
    }

    fn run(&self, words: &[&str]) -> Ran {
        let dir = self.dir();
        run(&[&["ledger", "--ledger", dir.to_str().unwrap()], words].concat())
    }
}

/// The exit code of the independent verifier; `None` where there is no Python.
fn independent(dir: &Path, more: &[&str]) -> Option<i32> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ledger_verify.py");
    let output = Command::new("python3").arg(script).arg(dir).args(more).output().ok()?;
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    output.status.code()
}

#[test]
fn two_verifiers_agree() {
    if Command::new("python3").arg("--version").output().is_err() {
        skipped("two verifiers of a ledger", "there is no python3 to run the second one");
        return;
    }
    let lab = Lab::new();
    let kept = lab.kept().display().to_string();
    let whole = fs::read(lab.segment()).unwrap();
    let agree = |code: i32, what: &str| {
        let outside = ["--checkpoint", kept.as_str()];
        let ran = lab.run(&[&["verify"], &outside[..]].concat());
        assert_eq!(ran.code, code, "{what}: {}", ran.everything());
        assert_eq!(independent(&lab.dir(), &outside), Some(code), "{what}");
    };
    agree(0, "intact");
    // Each byte would be many processes; a unit test does that. Here every 37th.
    for at in (0..whole.len()).step_by(37) {
        let mut bytes = whole.clone();
        bytes[at] ^= 4;
        fs::write(lab.segment(), &bytes).unwrap();
        agree(8, &format!("byte {at}"));
    }
    let text = String::from_utf8(whole.clone()).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let write = |lines: &[&str]| fs::write(lab.segment(), lines.join("\n") + "\n").unwrap();
    for length in 1..lines.len() {
        write(&lines[..length]);
        agree(8, &format!("cut after {length}"));
    }
    write(&[lines[0], lines[2], lines[1], lines[3], lines[4]]);
    agree(8, "swapped");
    write(&[lines[0], lines[1], lines[1], lines[2], lines[3], lines[4]]);
    agree(8, "repeated");
    fs::write(lab.segment(), [&whole[..], b"{\"v\":1,"].concat()).unwrap();
    agree(0, "a torn tail beyond the checkpoint");
    fs::write(lab.segment(), &whole).unwrap();
    let checkpoint = fs::read(lab.dir().join("checkpoint")).unwrap();
    for at in [0, 24, 40, checkpoint.len() - 3] {
        let mut bytes = checkpoint.clone();
        bytes[at] ^= 1;
        fs::write(lab.dir().join("checkpoint"), bytes).unwrap();
        let codes = (lab.run(&["verify"]).code, independent(&lab.dir(), &[]));
        assert!(matches!(codes, (8, Some(8 | 4))), "byte {at} of the checkpoint: {codes:?}");
    }
    fs::write(lab.dir().join("checkpoint"), &checkpoint).unwrap();
    let name = Digest::of(b"a plan").to_string();
    fs::write(lab.dir().join("blobs/sha256").join(&name[..2]).join(&name), "a plot").unwrap();
    agree(8, "a blob");
    fs::remove_file(lab.dir().join("checkpoint")).unwrap();
    assert_eq!((lab.run(&["verify"]).code, independent(&lab.dir(), &[])), (4, Some(4)));
}

#[test]
fn what_is_verified_is_told_with_place_and_reason() {
    let lab = Lab::new();
    let told = lab.run(&["verify"]).ends_with(0).stdout;
    assert!(told.starts_with("intact: example.org/a/executor, 5 entries, 1 blob\n"), "{told}");
    assert!(told.contains("none from elsewhere was given"), "{told}");
    let json = lab.run(&["verify", "--output", "json"]).ends_with(0).report();
    assert_eq!((&json["verdict"], &json["entries"]), (&"intact".into(), &5.into()));
    let key = json["key"].as_str().unwrap();
    lab.run(&["verify", "--key", key]).ends_with(0);
    let text = fs::read_to_string(lab.segment()).unwrap();
    fs::write(lab.segment(), text.replacen("\"detail\":\"x\"", "\"detail\":\"y\"", 1)).unwrap();
    let ran = lab.run(&["verify", "--output", "json"]).ends_with(8);
    assert_eq!(ran.report()["verdict"], "tampered");
    assert_eq!(ran.report()["place"], "checkpoint");
    fs::write(lab.segment(), text.replacen("plan.done", "plan.lost", 1)).unwrap();
    let ran = lab.run(&["verify"]).ends_with(8);
    assert!(
        ran.stderr.contains("entry 2 (00000000.jsonl, line 3): the line before is not"),
        "{}",
        ran.stderr
    );
    let none = lab.folder.path().join("none");
    run(&["ledger", "verify", "--ledger", none.to_str().unwrap()]).ends_with(4);
    run(&["ledger", "show", "--ledger", none.to_str().unwrap()]).ends_with(1);
    lab.run(&["verify", "--key", "x"]).ends_with(64);
}

#[test]
fn entries_are_shown_and_chosen() {
    let lab = Lab::new();
    let whole = lab.run(&["show", "-v"]).ends_with(0).stdout;
    assert!(whole.contains("[plan sha256:"), "{whole}");
    let shown = lab.run(&["show"]).ends_with(0).stdout;
    assert_eq!(shown.lines().count(), 5, "{shown}");
    assert!(
        !shown.contains("[plan sha256:") && shown.contains("detail=\"\\u{1b}[31mred \\u{202e}\""),
        "{shown}"
    );
    let plan = Digest::of(b"two").to_string();
    for plan in [plan.clone(), format!("sha256:{plan}"), plan[..6].to_owned()] {
        let shown = lab.run(&["show", "--plan", &plan]).ends_with(0).stdout;
        assert_eq!(shown.lines().count(), 1, "{shown}");
    }
    let count = |words: &[&str]| lab.run(words).ends_with(0).stdout.lines().count();
    assert_eq!(count(&["show", "--type", "plan"]), 2);
    assert_eq!(count(&["show", "--type", "refused", "--last", "1"]), 1);
    let ran = lab.run(&["show", "--type", "plan.don"]).ends_with(64);
    assert!(ran.stderr.contains("plan.done"), "{}", ran.stderr);
    lab.run(&["show", "--plan", "12345"]).ends_with(64);
    let json = lab.run(&["show", "--last", "2", "--output", "json"]).ends_with(0).report();
    assert_eq!((json["entries"].as_array().unwrap().len(), &json["size"]), (2, &5.into()));
    assert_eq!(json["entries"][1]["entry"]["seq"], "4");
}

#[test]
fn proofs_are_given_of_what_a_checkpoint_covers() {
    let lab = Lab::new();
    let proof = lab.run(&["prove", "1"]).ends_with(0).stdout;
    let note = fs::read_to_string(lab.dir().join("checkpoint")).unwrap();
    assert!(proof.starts_with("c2sp.org/tlog-proof@v1\nindex 1\n") && proof.ends_with(&note));
    let json = lab.run(&["prove", "1", "--output", "json"]).ends_with(0).report();
    assert!(json["line"].as_str().unwrap().contains("\"seq\":\"1\""));
    lab.run(&["prove", "5"]).ends_with(4);
    lab.run(&["prove", "01"]).ends_with(64);
    let kept = lab.kept().display().to_string();
    for (old, new) in [("3", "5"), (kept.as_str(), "5"), ("1", "1")] {
        lab.run(&["consistency", old, new]).ends_with(0);
    }
    let json = lab.run(&["consistency", "3", "5", "--output", "json"]).ends_with(0).report();
    assert_eq!((&json["old"]["size"], &json["new"]["size"]), (&3.into(), &5.into()));
    for (old, new, code) in [("5", "3", 4), ("0", "5", 4), ("3", "6", 4), ("none", "5", 1)] {
        lab.run(&["consistency", old, new]).ends_with(code);
    }
    // The ledger that was kept elsewhere was another.
    let other = Lab::new();
    other.run(&["consistency", &kept, "5"]).ends_with(8);
}

#[test]
fn a_copy_holds_what_is_needed_and_no_secret() {
    let lab = Lab::new();
    let to = lab.folder.path().join("copy");
    let to = to.to_str().unwrap();
    lab.run(&["export", "-o", to]).ends_with(0);
    let copied = |name: &str| Path::new(to).join(name).exists();
    for (name, wanted) in [
        ("README.md", true),
        ("key.pub", true),
        ("checkpoint", true),
        ("00000000.jsonl", true),
        ("key", false),
        ("lock", false),
        ("reserve", false),
    ] {
        assert_eq!(copied(name), wanted, "{name}");
    }
    run(&["ledger", "verify", "--ledger", to, "--checkpoint", &lab.kept().display().to_string()])
        .ends_with(0);
    lab.run(&["export", "-o", to]).ends_with(64);
    lab.run(&["export"]).ends_with(64);
    // What the page that goes with it tells to type, typed.
    let page = fs::read_to_string(Path::new(to).join("README.md")).unwrap();
    let commands: Vec<&str> = page
        .split("With stock tools")
        .nth(1)
        .unwrap()
        .lines()
        .filter_map(|line| line.strip_prefix("    "))
        .collect();
    if ["openssl", "sha256sum", "base64"]
        .iter()
        .any(|tool| Command::new(tool).arg("--help").output().is_err())
    {
        skipped("the commands of an exported ledger", "openssl or coreutils are not installed");
        return;
    }
    let typed = || {
        let output = Command::new("sh")
            .arg("-ec")
            .arg(commands.join("\n"))
            .current_dir(to)
            .output()
            .unwrap();
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stdout).into_owned()
                + &String::from_utf8_lossy(&output.stderr),
        )
    };
    let (code, said) = typed();
    assert!(code == Some(0) && said.contains("Verified Successfully"), "{said}");
    let segment = Path::new(to).join("00000000.jsonl");
    let text = fs::read_to_string(&segment).unwrap();
    fs::write(&segment, text.replacen("halted", "halter", 1)).unwrap();
    let (code, said) = typed();
    assert!(code == Some(8) && said.contains("this line does not follow"), "{code:?} {said}");
    let text = fs::read_to_string(lab.segment()).unwrap();
    fs::write(lab.segment(), text.replacen("halted", "halter", 1)).unwrap();
    let other = lab.folder.path().join("other");
    lab.run(&["export", "-o", other.to_str().unwrap()]).ends_with(8);
    assert!(!other.exists());
}

#[test]
fn a_checkpoint_is_anchored_where_it_cannot_be_rewritten() {
    let lab = Lab::new();
    let folder = lab.folder.path();
    let anchors = folder.join("anchors.git");
    git(folder, &["init", "--quiet", "--bare", "anchors.git"]);
    let config = folder.join("config.toml");
    fs::write(&config, "host = \"a\"\ndata = \"data\"\n[anchor]\nurl = \"anchors.git\"\n").unwrap();
    let config = config.to_str().unwrap();
    let anchor = || run(&["ledger", "anchor", "--config", config]);
    let ran = anchor().ends_with(0);
    assert!(ran.stdout.contains("anchored: example.org/a/executor 5 "), "{}", ran.stdout);
    run(&["ledger", "show", "--config", config, "--type", "checkpoint.anchored"]).ends_with(0);
    anchor().ends_with(0);
    let shown = |what: &str| {
        let output = Command::new("git")
            .arg("--git-dir")
            .arg(&anchors)
            .args(["show", what])
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let note = shown("countersign-ledger/a:executor/checkpoint");
    assert_eq!(note, fs::read_to_string(lab.dir().join("checkpoint")).unwrap());
    assert_eq!(
        shown("countersign-ledger/a:executor/key.pub"),
        fs::read_to_string(lab.dir().join("key.pub")).unwrap()
    );
    assert!(shown("countersign-ledger/a~1:executor/checkpoint").contains("\n5\n"));
    // The end was cut off, and the checkpoint of that time put back: by itself it is intact, and it is not anchored again.
    let text = fs::read_to_string(lab.segment()).unwrap();
    let lines: Vec<&str> = text.lines().take(3).collect();
    fs::write(lab.segment(), lines.join("\n") + "\n").unwrap();
    fs::copy(lab.kept(), lab.dir().join("checkpoint")).unwrap();
    lab.run(&["verify"]).ends_with(0);
    let ran = anchor().ends_with(8);
    assert!(ran.stderr.contains("the end was cut off"), "{}", ran.stderr);
    assert_eq!(shown("countersign-ledger/a:executor/checkpoint"), note);
    fs::write(folder.join("outside"), &note).unwrap();
    lab.run(&["verify", "--checkpoint", folder.join("outside").to_str().unwrap()]).ends_with(8);
    let shown_of_config: Value =
        run(&["config", "show", "--config", config, "--output", "json"]).report();
    assert!(shown_of_config["anchor.url"]["value"].as_str().unwrap().ends_with("anchors.git"));
}

#[test]
fn the_page_about_ledgers_names_every_type() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/ledger.md")).unwrap();
    for name in countersign::ledger::event::TYPES {
        assert!(page.contains(&format!("`{name}`")), "{name}");
    }
}
