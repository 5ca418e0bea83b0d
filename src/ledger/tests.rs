//! A ledger is written, broken in every way that can be thought of, and read again.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use rustix::io::Errno;
use tempfile::TempDir;

use super::append::failpoint;
use super::event::{HaltSet, PlanDone, Refused, StepIntent};
use super::proof::{End, consistency, inclusion};
use super::verify::{Outside, verify};
use super::*;
use crate::model::{Clock, Decimal, Digest, Timestamp};

const ORIGIN: &str = "example.org/host/executor";

/// A clock that a test sets.
#[derive(Debug, Default)]
struct Hand(AtomicI64);

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_seconds(self.0.load(Ordering::SeqCst))
    }
}

struct Lab {
    folder: TempDir,
}

fn writer() -> Writer {
    Writer::this(ActorKind::Executor)
}

fn done(text: &str) -> Event {
    PlanDone { plan: Digest::of(text.as_bytes()) }.into()
}

fn refused(detail: &str) -> Event {
    let (verb, code, detail) = ("apply".to_owned(), "halted".to_owned(), detail.to_owned());
    Refused { verb, code, plan: None, detail }.into()
}

fn intent() -> Event {
    StepIntent {
        plan: Digest::of(b"plan"),
        step: Decimal(1),
        resource: "directory./srv".to_owned(),
        action: "mkdir".to_owned(),
    }
    .into()
}

impl Lab {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder") }
    }

    fn dir(&self) -> PathBuf {
        self.folder.path().join("executor")
    }

    fn create(&self) -> Ledger {
        Ledger::create(&self.dir(), ORIGIN, "host-1", writer()).expect("a new ledger")
    }

    fn open(&self) -> Result<Ledger, LedgerError> {
        Ledger::open(&self.dir(), writer())
    }

    /// A ledger of seven entries with two blobs, and the note of its checkpoint at four.
    fn sample() -> (Self, Outside) {
        let lab = Self::new();
        let mut ledger = lab.create();
        let plan = Attachment { name: "plan", bytes: b"the plan" };
        ledger.append(&done("one"), &[plan]).expect("recorded");
        ledger.append(&intent(), &[]).expect("recorded");
        ledger.append(&refused("a \u{202e}name \"of\" somebody's\n"), &[]).expect("recorded");
        let note = ledger.checkpoint().expect("signed").note;
        let statement = Attachment { name: "statement", bytes: b"" };
        ledger.append(&done("two"), &[plan, statement]).expect("recorded");
        for detail in ["x", "y"] {
            ledger.append(&refused(detail), &[]).expect("recorded");
        }
        ledger.checkpoint().expect("signed");
        (lab, Outside { name: "kept".to_owned(), note })
    }

    fn segment(&self) -> PathBuf {
        self.dir().join("00000000.jsonl")
    }

    fn lines(&self) -> Vec<String> {
        fs::read_to_string(self.segment()).expect("text").lines().map(str::to_owned).collect()
    }

    fn write_lines(&self, lines: &[String]) {
        let ends = if lines.is_empty() { "" } else { "\n" };
        fs::write(self.segment(), lines.join("\n") + ends).expect("written");
    }

    /// Why it does not verify.
    #[track_caller]
    fn damage(&self, outside: &[Outside]) -> String {
        match verify(&self.dir(), None, outside) {
            Err(LedgerError::Damaged { damage, .. }) => damage.to_string(),
            other => panic!("it was not found: {other:?}"),
        }
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("listed") {
        let path = entry.expect("listed").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() { copy(&path, &target) } else { drop(fs::copy(path, target)) }
    }
}

#[test]
fn what_was_appended_is_read_again() {
    let (lab, outside) = Lab::sample();
    let reader = Reader::open(&lab.dir()).expect("intact");
    let entries: Vec<Entry> =
        reader.entries().expect("there").collect::<Result<_, _>>().expect("intact");
    assert_eq!((reader.size(), entries.len()), (7, 7));
    assert_eq!(entries[0].event.type_name(), "log.opened");
    assert_eq!(entries[2].event, intent());
    assert_eq!(entries[2].plan(), Some(Digest::of(b"plan")));
    let attached = &entries[1].attachments[0];
    assert_eq!((attached.name.as_str(), attached.size), ("plan", Decimal(8)));
    assert_eq!(reader.blob(&attached.sha256).expect("kept"), b"the plan");
    assert!(entries.iter().all(|entry| entry.host == "host-1"));
    let verified = verify(&lab.dir(), Some(reader.key()), &[outside]).expect("intact");
    assert_eq!((verified.size, verified.covered, verified.blobs), (7, 7, 2));
    assert_eq!((verified.outside, verified.torn_bytes, verified.unknown), (1, 0, 0));
    let ledger = lab.open().expect("intact");
    assert_eq!(ledger.reader().root(), reader.root());
}

#[test]
fn the_bytes_of_a_line_are_fixed() {
    let lab = Lab::new();
    let hand = Arc::new(Hand(AtomicI64::new(1_779_344_930)));
    let writer =
        Writer { actor: Actor { uid: Decimal(0), ver: "1".into(), ..writer().actor }, clock: hand };
    let mut ledger = Ledger::create(&lab.dir(), ORIGIN, "host-1", writer).expect("a new ledger");
    ledger.append(&intent(), &[Attachment { name: "n", bytes: b"" }]).expect("recorded");
    let lines = lab.lines();
    let (prev, plan) = (merkle::leaf(lines[0].as_bytes()), Digest::of(b"plan"));
    let line = &lines[1];
    let begin =
        format!(r#"{{"v":1,"seq":"1","prev":"{prev}","time":"2026-05-21T06:28:50.000Z","boot":""#);
    let end = format!(
        r#","host":"host-1","actor":{{"kind":"executor","uid":"0","ver":"1"}},"type":"step.intent","body":{{"plan":"{plan}","step":"1","resource":"directory./srv","action":"mkdir"}},"att":[{{"name":"n","sha256":"{}","size":"0"}}]}}"#,
        Digest::of(b"")
    );
    assert!(line.starts_with(&begin) && line.ends_with(&end), "{line}");
}

#[test]
fn a_second_writer_is_refused() {
    let lab = Lab::new();
    let first = lab.create();
    assert!(matches!(lab.open(), Err(LedgerError::Locked { .. })));
    assert!(Reader::open(&lab.dir()).is_ok(), "reading needs no lock");
    drop(first);
    assert!(lab.open().is_ok());
    let again = Ledger::create(&lab.dir(), ORIGIN, "host-1", writer());
    assert!(matches!(again, Err(LedgerError::Exists { .. })));
    assert!(matches!(
        Ledger::open(lab.folder.path().join("x").as_path(), writer()),
        Err(LedgerError::Missing { .. })
    ));
}

#[test]
fn every_flipped_byte_is_found() {
    let (lab, _) = Lab::sample();
    let blob = |text: &[u8]| {
        let name = Digest::of(text).to_string();
        lab.dir().join("blobs/sha256").join(&name[..2]).join(name)
    };
    let files = ["00000000.jsonl", "checkpoint", "key.pub"].map(|name| lab.dir().join(name));
    for path in files.into_iter().chain([blob(b"the plan")]) {
        let whole = fs::read(&path).expect("there");
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << (at % 8);
            fs::write(&path, &bytes).expect("written");
            let found = verify(&lab.dir(), None, &[]);
            assert!(
                matches!(&found, Err(error) if error.is_damage()),
                "{} byte {at}: {found:?}",
                path.display()
            );
        }
        fs::write(&path, &whole).expect("written");
    }
    fs::write(blob(b""), b"x").expect("written");
    assert!(lab.damage(&[]).starts_with("blob e3b0c442"), "one that was empty");
    fs::remove_file(blob(b"")).expect("removed");
    assert!(lab.damage(&[]).ends_with("it is missing"));
}

#[test]
fn lines_that_are_removed_swapped_or_repeated_are_found() {
    let (lab, _) = Lab::sample();
    let lines = lab.lines();
    for at in 0..lines.len() {
        let mut removed = lines.clone();
        removed.remove(at);
        let mut repeated = lines.clone();
        repeated.insert(at, lines[at].clone());
        let mut all = vec![removed, repeated];
        if at + 1 < lines.len() {
            let mut swapped = lines.clone();
            swapped.swap(at, at + 1);
            all.push(swapped);
        }
        for wrong in all {
            lab.write_lines(&wrong);
            lab.damage(&[]);
            assert!(Reader::open(&lab.dir()).is_err_and(|error| error.is_damage()));
            assert!(lab.open().is_err_and(|error| error.is_damage()));
        }
    }
    lab.write_lines(&lines);
    assert!(lab.open().is_ok(), "nothing was changed by those who refused it");
}

#[test]
fn a_cut_tail_needs_a_checkpoint_beyond_it() {
    let (lab, kept) = Lab::sample();
    let (lines, newest) = (lab.lines(), fs::read(lab.dir().join("checkpoint")).expect("there"));
    let newest = Outside { name: "newest".into(), note: String::from_utf8(newest).expect("text") };
    for length in 0..lines.len() {
        lab.write_lines(&lines[..length]);
        lab.damage(&[]);
    }
    // Whoever has the folder may put the checkpoint of that time back as well.
    fs::write(lab.dir().join("checkpoint"), &kept.note).expect("written");
    lab.write_lines(&lines[..4]);
    assert!(verify(&lab.dir(), None, std::slice::from_ref(&kept)).is_ok());
    let found = lab.damage(&[newest]);
    assert_eq!(found, "newest: it covers 7 entries, and there are 4: the end was cut off");
    lab.write_lines(&lines[..3]);
    assert!(lab.damage(&[]).contains("it covers 4 entries, and there are 3"));
}

#[test]
fn a_ledger_written_anew_needs_a_checkpoint_from_elsewhere() {
    let lab = Lab::new();
    drop(lab.create());
    let other = Lab::new();
    copy(&lab.dir(), &other.dir());
    let mut notes = Vec::new();
    for (lab, text) in [(&lab, "what was"), (&other, "what was not")] {
        let mut ledger = lab.open().expect("intact");
        ledger.append(&done(text), &[]).expect("recorded");
        let note = ledger.checkpoint().expect("signed").note;
        notes.push(Outside { name: "kept".into(), note });
    }
    // With the same key, each is intact by itself.
    assert!(verify(&other.dir(), None, &[notes[1].clone()]).is_ok());
    let found = other.damage(&notes[..1]);
    assert_eq!(found, "kept: the first 2 entries are not those that it covers");
    let ends = [End::Outside(notes[0].clone()), End::Outside(notes[1].clone())];
    assert!(consistency(&lab.dir(), &ends[0], &ends[1]).is_err_and(|error| error.is_damage()));
    // With another key, and the same name.
    let third = Lab::new();
    drop(third.create());
    assert!(third.damage(&notes[..1]).contains("did not sign it"));
    let pinned = lab.open().expect("intact").key();
    let found = verify(&third.dir(), Some(&pinned), &[]);
    assert!(found.is_err_and(|error| error.is_damage()));
    // One of another name says nothing about this ledger.
    let fourth = Lab::new();
    drop(Ledger::create(&fourth.dir(), "example.org/other", "host-1", writer()));
    let found = verify(&fourth.dir(), None, &notes[..1]);
    assert!(matches!(found, Err(LedgerError::Untold { .. })), "{found:?}");
}

#[test]
fn without_a_checkpoint_nothing_can_be_told() {
    let (lab, kept) = Lab::sample();
    fs::remove_file(lab.dir().join("checkpoint")).expect("removed");
    let untold = |found: Result<(), LedgerError>| matches!(found, Err(LedgerError::Untold { .. }));
    assert!(untold(lab.open().map(drop)));
    assert!(untold(Reader::open(&lab.dir()).map(drop)));
    assert!(untold(verify(&lab.dir(), None, &[]).map(drop)));
    let verified = verify(&lab.dir(), None, &[kept]).expect("one from elsewhere confirms");
    assert_eq!((verified.size, verified.covered), (7, 4));
    fs::remove_file(lab.dir().join("key.pub")).expect("removed");
    assert!(untold(verify(&lab.dir(), None, &[]).map(drop)));
}

#[test]
fn a_torn_tail_is_moved_away_at_every_byte_of_the_last_entries() {
    let (lab, _) = Lab::sample();
    let mut ledger = lab.open().expect("intact");
    for detail in ["a", "b", "c"] {
        ledger.append(&refused(detail), &[]).expect("recorded");
    }
    drop(ledger);
    let whole = fs::read(lab.segment()).expect("there");
    let ends: Vec<usize> = whole
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'\n')
        .map(|(at, _)| at + 1)
        .collect();
    let covered = ends[6];
    for length in covered..=whole.len() {
        let broken = Lab::new();
        copy(&lab.dir(), &broken.dir());
        fs::write(broken.segment(), &whole[..length]).expect("written");
        let kept = ends.iter().filter(|end| **end <= length).count() as u64;
        let torn = &whole[ends[usize::try_from(kept).expect("small") - 1]..length];
        assert_eq!(Reader::open(&broken.dir()).expect("a reader passes it over").size(), kept);
        let found = verify(&broken.dir(), None, &[]).expect("intact");
        assert_eq!(found.torn_bytes, torn.len());
        let ledger = broken.open().unwrap_or_else(|error| panic!("cut at {length}: {error}"));
        let reader = ledger.reader();
        if torn.is_empty() {
            assert_eq!(reader.size(), kept, "nothing to record");
            continue;
        }
        assert_eq!(reader.size(), kept + 1);
        let last = reader.entries().expect("there").last().expect("entries").expect("intact");
        let Event::TornTail(recorded) = &last.event else { panic!("{last:?}") };
        assert_eq!((recorded.digest, recorded.bytes.0), (Digest::of(torn), torn.len() as u64));
        let moved = broken.dir().join("torn").join(recorded.digest.to_string());
        assert_eq!(fs::read(moved).expect("kept"), torn);
        drop(ledger);
        assert_eq!(broken.open().expect("intact").reader().size(), kept + 1, "recorded once");
    }
    // Inside a checkpoint it is no power loss.
    for length in [covered - 1, covered - 100, ends[5] + 1] {
        fs::write(lab.segment(), &whole[..length]).expect("written");
        assert!(lab.open().is_err_and(|error| error.is_damage()));
    }
}

#[test]
fn what_was_moved_away_before_a_crash_is_recorded_after_it() {
    let lab = Lab::new();
    drop(lab.create());
    let torn = lab.dir().join("torn");
    fs::create_dir(&torn).expect("made");
    fs::write(torn.join(Digest::of(b"{\"v\"").to_string()), b"{\"v\"").expect("written");
    fs::write(torn.join("x.new"), b"").expect("written");
    assert_eq!(lab.open().expect("intact").reader().size(), 2);
    assert_eq!(lab.open().expect("intact").reader().size(), 2, "once");
}

#[test]
fn a_failed_fsync_poisons() {
    let lab = Lab::new();
    let mut ledger = lab.create();
    failpoint::fail(None, Some(Errno::IO));
    assert!(matches!(ledger.append(&intent(), &[]), Err(LedgerError::Poisoned { .. })));
    for _ in 0..2 {
        assert!(matches!(ledger.append(&refused("x"), &[]), Err(LedgerError::Poisoned { .. })));
        assert!(matches!(ledger.checkpoint(), Err(LedgerError::Poisoned { .. })));
        assert!(matches!(ledger.blob(b"x"), Err(LedgerError::Poisoned { .. })));
    }
    drop(ledger);
    assert!(lab.open().is_ok(), "the next process verifies it again");
}

#[test]
fn a_full_disk_begins_nothing_and_still_takes_a_refusal() {
    let lab = Lab::new();
    let mut ledger = lab.create();
    let before = fs::read(lab.segment()).expect("there");
    failpoint::fail(Some(Errno::NOSPC), None);
    assert!(matches!(ledger.append(&intent(), &[]), Err(LedgerError::Full { .. })));
    assert_eq!(fs::read(lab.segment()).expect("there"), before, "half a line was taken back");
    let reserve = lab.dir().join("reserve");
    assert_eq!(fs::metadata(&reserve).expect("there").len(), 64 << 10);
    failpoint::fail(Some(Errno::NOSPC), None);
    ledger.append(&refused("full"), &[]).expect("recorded in what was held back");
    assert_eq!(fs::metadata(&reserve).expect("there").len(), 0);
    ledger.append(&intent(), &[]).expect("there is room again");
    drop(ledger);
    assert_eq!(lab.open().expect("intact").reader().size(), 3);
    assert_eq!(fs::metadata(&reserve).expect("there").len(), 64 << 10, "held back again");
}

#[test]
fn time_never_runs_backwards() {
    let lab = Lab::new();
    let hand = Arc::new(Hand(AtomicI64::new(1000)));
    let writer = writer().with_clock(hand.clone());
    let mut ledger = Ledger::create(&lab.dir(), ORIGIN, "host-1", writer).expect("a new ledger");
    assert_eq!(ledger.clock_behind(), 0);
    hand.0.store(990, Ordering::SeqCst);
    assert_eq!(ledger.clock_behind(), 10_000);
    ledger.append(&done("x"), &[]).expect("recorded");
    assert_eq!(ledger.newest().unix_seconds(), 1000);
    hand.0.store(1001, Ordering::SeqCst);
    ledger.append(&done("y"), &[]).expect("recorded");
    assert_eq!((ledger.newest().unix_seconds(), ledger.clock_behind()), (1001, 0));
}

#[test]
fn what_others_could_reach_is_refused() {
    let lab = Lab::new();
    drop(lab.create());
    let chmod = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("ours");
    };
    let mode = |name: &str| fs::metadata(lab.dir().join(name)).expect("there").permissions().mode();
    assert_eq!(mode("key") & 0o777, 0o600);
    for (name, wrong, right) in [("key", 0o640, 0o600), ("", 0o770, 0o750)] {
        let path = if name.is_empty() { lab.dir() } else { lab.dir().join(name) };
        chmod(&path, wrong);
        assert!(matches!(lab.open(), Err(LedgerError::Insecure { .. })), "{name}");
        chmod(&path, right);
    }
    assert!(lab.open().is_ok());
    // A key that is not the one of its checkpoints.
    let other = Lab::new();
    drop(other.create());
    fs::copy(other.dir().join("key"), lab.dir().join("key")).expect("copied");
    assert!(lab.open().is_err_and(|error| error.is_damage()));
}

#[test]
fn a_ledger_of_several_segments_is_one() {
    let lab = Lab::new();
    let mut ledger = lab.create();
    ledger.append(&done("x"), &[]).expect("recorded");
    drop(ledger);
    // As after a long time: the first segment is full.
    let mut lines = lab.lines();
    let text = "x".repeat(60_000);
    let mut ledger = lab.open().expect("intact");
    while !lab.dir().join("00000001.jsonl").exists() {
        ledger.append(&refused(&text), &[]).expect("recorded");
    }
    ledger.append(&done("y"), &[]).expect("recorded");
    ledger.checkpoint().expect("signed");
    let size = ledger.reader().size();
    drop(ledger);
    assert_eq!(verify(&lab.dir(), None, &[]).expect("intact").size, size);
    lab.open().expect("intact").append(&done("z"), &[]).expect("recorded");
    let proof = inclusion(&lab.dir(), size - 1).expect("covered");
    assert!(proof.text().starts_with(&format!("c2sp.org/tlog-proof@v1\nindex {}\n", size - 1)));
    let kept = fs::read(lab.dir().join("00000001.jsonl")).expect("there");
    fs::remove_file(lab.dir().join("00000001.jsonl")).expect("removed");
    assert!(lab.damage(&[]).contains("the end was cut off"));
    fs::write(lab.dir().join("00000002.jsonl"), &kept).expect("written");
    assert_eq!(lab.damage(&[]), "00000001.jsonl: it is missing");
    lines.truncate(1);
    fs::rename(lab.dir().join("00000002.jsonl"), lab.dir().join("00000001.jsonl")).expect("moved");
    lab.write_lines(&lines);
    assert!(lab.damage(&[]).contains("00000001.jsonl, line 1"));
}

#[test]
fn bounds_are_kept_and_said() {
    let lab = Lab::new();
    let mut ledger = lab.create();
    let said = |error: LedgerError| error.to_string();
    let long = ledger.append(&refused(&"x".repeat(70_000)), &[]).map_err(said);
    assert!(long.is_err_and(|text| text.contains("65536 at most")));
    let many = vec![Attachment { name: "x", bytes: b"" }; 65];
    assert!(
        ledger
            .append(&intent(), &many)
            .map_err(said)
            .is_err_and(|text| text.contains("64 at most"))
    );
    assert_eq!(ledger.append(&intent(), &[]).expect("recorded").seq, 1, "nothing was left behind");
    for name in ["", "a b", "a\"b", "ü", &"x".repeat(201)] {
        let made = Ledger::create(&lab.folder.path().join("other"), name, "host-1", writer());
        assert!(matches!(made, Err(LedgerError::Name { .. })), "{name}");
    }
}

#[test]
fn entries_are_read_in_their_one_form() {
    let lab = Lab::new();
    drop(lab.create());
    let line = lab.lines().remove(0);
    for (from, to, why) in [
        (r#""v":1"#, r#""v":2"#, "version"),
        (r#""seq":"0""#, r#""seq":"0","seq":"0""#, "duplicate field"),
        (r#""seq":"0""#, r#""seq":0"#, "invalid type"),
        (r#""seq":"0""#, r#""seq":"00""#, "decimal"),
        (r#""origin":"#, r#""more":"","origin":"#, "unknown field `more`"),
        (r#""origin":"#, r#""origin":"","origin":"#, "duplicate field `origin`"),
        (r#""kind":"executor""#, r#""kind":"root""#, "unknown variant"),
        (r#""type":"log.opened""#, r#""type":"step.intent""#, "its body"),
        (r#""host":"host-1""#, r#""host":"host 1""#, "not named"),
        (r#""host":"host-1""#, r#""host":"host\u002d1""#, "it is no entry"),
        (r#"Z","boot""#, r#"+","boot""#, "its time"),
    ] {
        assert!(line.contains(from), "{from} in {line}");
        lab.write_lines(&[line.replacen(from, to, 1)]);
        let found = lab.damage(&[]);
        assert!(found.contains(why), "{to}: {found}");
    }
}

#[test]
fn a_type_of_a_later_version_is_told_and_not_written_after() {
    let lab = Lab::new();
    let mut ledger = lab.create();
    ledger.append(&done("x"), &[]).expect("recorded");
    drop(ledger);
    let mut lines = lab.lines();
    lines[1] = lines[1].replace("plan.done", "gate.passed");
    lab.write_lines(&lines);
    let verified = verify(&lab.dir(), None, &[]).expect("the chain is intact");
    assert_eq!((verified.size, verified.unknown), (2, 1));
    assert!(matches!(lab.open(), Err(LedgerError::Untold { .. })));
    let reader = Reader::open(&lab.dir()).expect("intact");
    let last = reader.entries().expect("there").last().expect("entries");
    assert!(matches!(last, Err(LedgerError::Untold { .. })));
}

#[test]
fn an_anchor_by_its_own_word_has_to_fit() {
    let lab = Lab::new();
    let mut ledger = lab.create();
    let checkpoint = ledger.checkpoint().expect("signed").checkpoint;
    let anchored = |root| {
        let (origin, place) = (ORIGIN.to_owned(), "there".to_owned());
        event::CheckpointAnchored { origin, size: Decimal(checkpoint.size), root, place }
    };
    ledger.append(&anchored(checkpoint.root).into(), &[]).expect("recorded");
    assert_eq!(verify(&lab.dir(), None, &[]).expect("intact").anchored, 1);
    ledger.append(&anchored(Hash([1; 32])).into(), &[]).expect("recorded");
    assert!(lab.damage(&[]).starts_with("entry 2, which says that it was anchored"));
}

/// Not a test of its own: what the next one runs in a child, which is killed on the way.
#[test]
fn in_a_child_that_is_killed() {
    let Some(folder) = std::env::var_os("COUNTERSIGN_TEST_LEDGER") else { return };
    let folder = PathBuf::from(folder);
    let acknowledge = |what: &str| {
        let file =
            fs::OpenOptions::new().create(true).append(true).open(folder.join("acknowledged"));
        std::io::Write::write_all(&mut file.expect("opened"), format!("{what}\n").as_bytes())
            .expect("written");
    };
    let dir = folder.join("executor");
    let mut ledger = Ledger::create(&dir, ORIGIN, "host-1", writer()).expect("a new ledger");
    acknowledge("created");
    for text in ["one", "two"] {
        let plan = Attachment { name: "plan", bytes: text.as_bytes() };
        let receipt = ledger.append(&done(text), &[plan]).expect("recorded");
        acknowledge(&receipt.leaf.to_string());
    }
    let signed = ledger.checkpoint().expect("signed");
    acknowledge(&format!("checkpoint {}", signed.checkpoint));
    let halt = HaltSet { by: "a".to_owned(), reason: "b".to_owned() };
    let receipt = ledger.append(&halt.into(), &[]).expect("recorded");
    acknowledge(&receipt.leaf.to_string());
}

#[test]
fn nothing_acknowledged_is_lost_wherever_the_writer_is_killed() {
    let program = std::env::current_exe().expect("this program");
    let mut killed = 0;
    loop {
        let lab = Lab::new();
        let status = std::process::Command::new(&program)
            .args(["--exact", "ledger::tests::in_a_child_that_is_killed", "--test-threads", "1"])
            .env("COUNTERSIGN_TEST_LEDGER", lab.folder.path())
            .env("COUNTERSIGN_TEST_KILL_AT", killed.to_string())
            .stdout(std::process::Stdio::null())
            .status()
            .expect("started");
        let acknowledged =
            fs::read_to_string(lab.folder.path().join("acknowledged")).unwrap_or_default();
        if acknowledged.is_empty() {
            // It has its name only when it is whole.
            let whole = lab.dir().exists();
            assert!(!whole || lab.open().is_ok(), "killed at {killed}");
        } else {
            let reader = lab.open().unwrap_or_else(|e| panic!("killed at {killed}: {e}")).reader();
            let leaves: Vec<String> = reader
                .entries()
                .expect("there")
                .map(|entry| entry.expect("intact").leaf.to_string())
                .collect();
            for line in acknowledged.lines().skip(1) {
                let known = match line.strip_prefix("checkpoint ") {
                    Some(checkpoint) => reader.checkpoint().checkpoint.to_string() == checkpoint,
                    None => leaves.iter().any(|leaf| leaf == line),
                };
                assert!(known, "killed at {killed}: {line} was lost");
            }
            verify(&lab.dir(), None, &[]).expect("intact");
        }
        if status.success() {
            break;
        }
        killed += 1;
    }
    assert!(killed > 40, "there are {killed} boundaries");
}
