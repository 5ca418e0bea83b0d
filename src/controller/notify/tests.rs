//! From a status to messages in the spool.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::json;

use super::*;
use crate::config::{Sink, Via};
use crate::model::{Period, Severity};

const SECOND: i64 = 1_000_000;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_seconds(SECOND + seconds)
}

fn notify(after: u32) -> Notify {
    let via = Via::Command { words: vec!["/bin/true".to_owned()] };
    let sink = Sink { via, least: Severity::Info };
    let sinks = BTreeMap::from([("a".to_owned(), sink)]);
    Notify { after, renotify: Period::from_seconds(4 * 3600), sinks }
}

/// One resource as a status has it.
fn resource(name: &str, target: &str, verdict: &str, reason: Option<&str>) -> serde_json::Value {
    json!({
        "resource": name, "target": target, "verdict": verdict, "severity": "major", "route": "host",
        "reason": reason, "detail": reason.map(|_| format!("after {} ms", name.len())), "waived": false,
        "contact": null, "observed_at": at(0), "since": at(0), "times": 1,
    })
}

fn target(name: &str, observed_at: Option<i64>) -> serde_json::Value {
    json!({ "target": name, "observed_at": observed_at.map(at), "last_success": null, "milliseconds": 1, "failures": 0,
            "error": null, "next": null })
}

fn status(resources: Vec<serde_json::Value>, conditions: &[(&str, &str, &str)]) -> Status {
    let conditions: Vec<_> = conditions
        .iter()
        .map(|(kind, is, why)| {
            json!({ "type": kind, "status": is, "reason": why, "message": "said at 12:00", "last_transition": at(0),
                    "observed_generation": 1 })
        })
        .collect();
    let mut value = json!({
        "schema": "countersign.status", "version": 1, "host": "web-1", "run": "r", "pid": 1, "written_at": at(0),
        "max_age_seconds": 900, "verdict": "in_sync",
        "summary": { "in_sync": 0, "drift": 0, "pending": 0, "unknown": 0, "waived": 0 },
        "generation": 1, "observed_generation": 1,
        "source": { "origin": "/ops", "revision": null, "commit": null, "accepted_at": null, "verified": false,
                    "had_at": null, "refused_commit": null, "error": null },
        "converged": null, "targets": [target("host", Some(0)), target("database.shop", Some(0))], "suspended": null, "draft": null,
        "files": { "watched": 0, "polling": null, "overflows": 0 },
        "missed_by_events": 0, "last_handled_request": 0, "notes": [],
    });
    value["conditions"] = conditions.into();
    value["resources"] = resources.into();
    serde_json::from_value(value).expect("a status")
}

fn drifting(names: &[&str]) -> Status {
    status(names.iter().map(|name| resource(name, "host", "drift", None)).collect(), &[])
}

/// The same, seen by the look at that time.
fn seen(mut status: Status, seconds: i64) -> Status {
    status.resources.iter_mut().for_each(|resource| resource.observed_at = at(seconds));
    status
}

/// What waits for the sink, the oldest first.
fn waiting(folder: &Path) -> Vec<Message> {
    let spool = Spool::open(&Notifier::spool_of(folder, "a")).expect("a spool");
    let names = spool.names().expect("names");
    names.iter().map(|name| spool.get(name).expect("read").expect("a message")).collect()
}

fn kinds(folder: &Path) -> Vec<String> {
    waiting(folder).iter().map(Message::kind).collect()
}

struct Place(tempfile::TempDir, Notifier);

impl Place {
    fn new(after: u32) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let notifier = Notifier::open(folder.path(), &notify(after)).expect("a notifier");
        Self(folder, notifier)
    }

    fn tell(&mut self, status: &Status, seconds: i64) -> usize {
        self.1.tell(status, at(seconds)).expect("told")
    }

    fn kinds(&self) -> Vec<String> {
        kinds(self.0.path())
    }
}

#[test]
fn an_outage_of_a_database_with_200_resources_is_one_message() {
    let mut place = Place::new(1);
    // Each with a text of its own, and with the reasons that one outage has.
    let reasons = ["unreachable", "deadline", "identity_unverified", "no_answer"];
    let down = |count: usize, shift: usize| {
        let of = |n: usize| {
            let name = format!("row_count.public.t{}", "x".repeat(n % 17) + &n.to_string());
            resource(&name, "database.shop", "unknown", Some(reasons[(n + shift) % reasons.len()]))
        };
        status((0..count).map(of).collect(), &[])
    };
    assert_eq!(place.tell(&down(150, 0), 0), 1);
    for look in 1..20 {
        assert_eq!(place.tell(&down(200, usize::try_from(look).expect("small")), look * 60), 0);
    }
    assert_eq!(place.kinds(), ["countersign.unknown.begun"]);
    assert_eq!(place.tell(&status(Vec::new(), &[]), 3600), 1);
    assert_eq!(place.kinds(), ["countersign.unknown.begun", "countersign.unknown.ended"]);
    let said = &waiting(place.0.path())[0];
    assert_eq!((said.about.as_deref(), said.resources_total), (Some("database.shop"), 150));
    assert_eq!(said.resources.len(), 50, "not all of them are named");
}

#[test]
fn another_reason_is_another_cause_and_another_text_is_not() {
    let mut place = Place::new(1);
    let denied =
        |n: usize| resource(&format!("file./{n}"), "host", "unknown", Some("permission_denied"));
    assert_eq!(place.tell(&status(vec![denied(1)], &[]), 0), 1);
    assert_eq!(place.tell(&status(vec![denied(1), denied(22)], &[]), 60), 0);
    let malformed = resource("constant.a", "host", "unknown", Some("malformed"));
    assert_eq!(place.tell(&status(vec![denied(1), malformed], &[]), 120), 1);
}

#[test]
fn what_begins_and_ends_twice_within_a_second_is_four_messages() {
    let mut place = Place::new(1);
    place.tell(&drifting(&["file./a", "file./b"]), 0);
    for look in [&["file./b"][..], &["file./a", "file./b"], &["file./b"]] {
        assert_eq!(place.tell(&drifting(look), 0), 1);
    }
    let waiting = waiting(place.0.path());
    let ids: BTreeSet<&str> = waiting.iter().map(|message| message.id.as_str()).collect();
    assert_eq!((ids.len(), waiting.len()), (4, 4), "a receiver drops an id that it has seen");
}

#[test]
fn drift_of_one_look_is_one_message_and_recovery_is_told() {
    let mut place = Place::new(1);
    assert_eq!(place.tell(&drifting(&["file./a", "file./b", "file./c"]), 0), 1);
    assert_eq!(place.tell(&drifting(&["file./a", "file./b", "file./c"]), 60), 0);
    // One ends and one begins: each is news.
    assert_eq!(place.tell(&drifting(&["file./a", "file./b", "file./d"]), 120), 2);
    assert_eq!(place.tell(&drifting(&[]), 180), 1);
    let last = waiting(place.0.path()).pop().expect("one");
    assert_eq!((last.kind().as_str(), last.resources_total), ("countersign.drift.ended", 3));
    assert_eq!(last.since, at(0));
}

#[test]
fn what_cannot_be_told_is_not_over() {
    let mut place = Place::new(1);
    place.tell(&drifting(&["row_count.a"]), 0);
    let blind =
        status(vec![resource("row_count.a", "database.shop", "unknown", Some("unreachable"))], &[]);
    assert_eq!(place.tell(&blind, 60), 1);
    // Neither over nor, hours later, said to last: nobody knows.
    assert_eq!(place.tell(&blind, 5 * 3600), 1);
    let kinds = place.kinds();
    assert_eq!(kinds[1..], ["countersign.unknown.begun", "countersign.unknown.lasting"]);
    assert_eq!(place.tell(&drifting(&["row_count.a"]), 5 * 3600 + 60), 2);
    let kinds = place.kinds();
    assert!(!kinds.contains(&"countersign.drift.ended".to_owned()), "{kinds:?}");
}

#[test]
fn it_has_to_last_for_so_many_looks() {
    let mut place = Place::new(3);
    let look = |seconds| seen(drifting(&["file./a"]), seconds);
    for seconds in [1, 61] {
        assert_eq!(place.tell(&look(seconds), seconds), 0);
    }
    assert_eq!(place.tell(&drifting(&[]), 120), 0, "nobody was told, so nothing is over");
    for seconds in [180, 240] {
        assert_eq!(place.tell(&look(seconds), seconds), 0);
        // A status that is written for another reason is no look.
        assert_eq!(place.tell(&look(seconds), seconds + 1), 0);
    }
    assert_eq!(place.tell(&look(300), 300), 1);
}

#[test]
fn what_nobody_has_looked_at_yet_is_not_over() {
    let mut place = Place::new(1);
    let down = |name: &str| resource(name, "database.shop", "unknown", Some("unreachable"));
    let both = vec![resource("file./a", "host", "drift", None), down("row_count.a")];
    assert_eq!(place.tell(&status(both, &[("SourceVerified", "False", "SourceUnsigned")]), 0), 3);
    // A restart: first nothing is known, then the host, then the database.
    let mut begins = status(Vec::new(), &[("SourceVerified", "Unknown", "NotYet")]);
    begins.targets.clear();
    assert_eq!(place.tell(&begins, 60), 0);
    let mut one = drifting(&["file./a"]);
    one.targets[1].observed_at = None;
    assert_eq!(place.tell(&one, 61), 1, "the source is well, and of the database nobody knows");
    assert_eq!(place.kinds().last().map(String::as_str), Some("countersign.source.ended"));
    assert_eq!(place.tell(&drifting(&["file./a"]), 62), 1);
    assert_eq!(place.kinds().last().map(String::as_str), Some("countersign.unknown.ended"));
    // A database that is not wanted any more is nobody's business.
    let mut gone = drifting(&[]);
    gone.targets.truncate(1);
    assert_eq!(place.tell(&gone, 63), 1);
}

#[test]
fn what_lasts_is_told_again_all_at_once() {
    let mut place = Place::new(1);
    place.tell(&drifting(&["file./a"]), 0);
    place.tell(&drifting(&["file./a", "file./b"]), 3600);
    assert_eq!(place.tell(&drifting(&["file./a", "file./b"]), 4 * 3600 - 1), 0);
    assert_eq!(place.tell(&drifting(&["file./a", "file./b"]), 4 * 3600), 1);
    let last = waiting(place.0.path()).pop().expect("one");
    assert_eq!((last.kind().as_str(), last.resources_total), ("countersign.drift.lasting", 2));
    assert_eq!(place.tell(&drifting(&["file./a", "file./b"]), 5 * 3600), 0);
}

#[test]
fn flapping_is_bounded_told_and_ends() {
    let mut place = Place::new(1);
    let mut told = 0;
    for turn in 0..500 {
        told += place.tell(&drifting(if turn % 2 == 0 { &["file./a"] } else { &[] }), turn * 10);
    }
    // 5000 seconds are less than two windows.
    assert_eq!(
        place.kinds()[..5],
        ["begun", "ended", "begun", "ended", "flapping"].map(|p| format!("countersign.drift.{p}"))
    );
    assert!(told <= 6, "{told} messages: {:?}", place.kinds());
    let rests = 500 * 10 + 3601;
    place.tell(&drifting(&[]), rests);
    assert_eq!(place.kinds().last().map(String::as_str), Some("countersign.drift.ended"));
    assert_eq!(place.tell(&drifting(&["file./a"]), rests + 10), 1, "it is told as before");
}

#[test]
fn conditions_are_told_with_their_reason() {
    let mut place = Place::new(1);
    let bad = [
        ("SourceVerified", "False", "SourceUnsigned"),
        ("Halted", "Unknown", "NotTold"),
        ("Suspended", "True", "ByOperator"),
        ("Stalled", "True", "LedgerFails"),
        ("Ready", "False", "Drifted"),
    ];
    assert_eq!(place.tell(&status(Vec::new(), &bad), 0), 4);
    let source =
        waiting(place.0.path()).into_iter().find(|m| m.class == fact::Class::Source).expect("told");
    assert_eq!(
        (source.severity, source.reason.as_deref()),
        (Severity::Critical, Some("SourceUnsigned"))
    );
    let fine = [
        ("SourceVerified", "True", "Accepted"),
        ("Halted", "False", "NotSet"),
        ("Suspended", "False", "NotSet"),
        ("Stalled", "False", "Idle"),
    ];
    assert_eq!(place.tell(&status(Vec::new(), &fine), 60), 4);
    let mut begins = Place::new(3);
    let unreachable = |failures| {
        let mut status = status(Vec::new(), &[("SourceVerified", "False", "SourceUnreachable")]);
        let source = json!({ "target": "source", "observed_at": null, "last_success": null, "milliseconds": 1,
                             "failures": failures, "error": null, "next": null });
        status.targets.push(serde_json::from_value(source).expect("a target"));
        status
    };
    for (failures, told) in [(1, 0), (2, 0), (3, 1), (4, 0)] {
        assert_eq!(begins.tell(&unreachable(failures), i64::from(failures)), told, "{failures}");
    }
    let mut begins = Place::new(1);
    let not_yet = [("SourceVerified", "Unknown", "NotYet"), ("Stalled", "False", "NotYet")];
    assert_eq!(
        begins.tell(&status(Vec::new(), &not_yet), 0),
        0,
        "nothing is wrong before the first look"
    );
}

#[test]
fn a_draft_is_told_once() {
    let mut place = Place::new(3);
    let draft = |effect: &str| {
        let mut status = status(Vec::new(), &[]);
        status.draft = serde_json::from_value(json!({
            "commit": "c", "effect": effect, "steps": 2, "resources": ["file./a"], "pending": [], "file": "x", "made_at": at(0),
        }))
        .expect("a draft");
        status
    };
    assert_eq!(place.tell(&draft("one"), 0), 1);
    assert_eq!(place.tell(&draft("one"), 5 * 3600), 0);
    assert_eq!(
        place.tell(&status(Vec::new(), &[]), 5 * 3600 + 60),
        0,
        "it is made again after a restart"
    );
    assert_eq!(place.tell(&draft("one"), 5 * 3600 + 120), 0);
    assert_eq!(place.tell(&draft("two"), 6 * 3600), 1);
    assert_eq!(place.tell(&status(Vec::new(), &[]), 7 * 3600), 0);
    assert!(place.kinds().iter().all(|kind| kind == "countersign.draft.begun"));
}

#[test]
fn a_restart_repeats_nothing_and_loses_nothing() {
    let mut place = Place::new(1);
    place.tell(&drifting(&["file./a"]), 0);
    let before = waiting(place.0.path());
    let Place(folder, _) = place;
    let mut again = Notifier::open(folder.path(), &notify(1)).expect("a notifier");
    assert_eq!(again.tell(&drifting(&["file./a"]), at(60)).expect("told"), 0);
    assert_eq!(waiting(folder.path()), before);
    // Dead between the memory and the spool: the message is spooled by the next run, under its id.
    let memory = Memory {
        version: VERSION,
        incidents: again.memory.incidents.clone(),
        deeds: None,
        outbox: before.clone(),
        said: again.memory.said,
    };
    spool::replace(&folder.path().join(MEMORY), &memory).expect("written");
    fs::remove_dir_all(Notifier::spool_of(folder.path(), "a")).expect("removed");
    Notifier::open(folder.path(), &notify(1)).expect("a notifier");
    assert_eq!(waiting(folder.path()), before);
    // A memory that is damaged is none: it is told once more, rather than not at all.
    fs::write(folder.path().join(MEMORY), "{\"version\":1,").expect("written");
    let mut anew = Notifier::open(folder.path(), &notify(1)).expect("a notifier");
    assert_eq!(anew.tell(&drifting(&["file./a"]), at(120)).expect("told"), 1);
}

#[test]
fn what_cannot_be_written_down_was_not_said() {
    if rustix::process::geteuid().is_root() {
        // Root writes anywhere; a folder that is no folder stops even root.
        let mut place = Place::new(1);
        fs::remove_dir_all(place.0.path()).expect("removed");
        fs::write(place.0.path(), "").expect("a file in its place");
        assert!(place.1.tell(&drifting(&["file./a"]), at(0)).is_err());
        fs::remove_file(place.0.path()).expect("removed");
        fs::create_dir(place.0.path()).expect("made");
        assert_eq!(place.tell(&drifting(&["file./a"]), 60), 1, "the next call says it");
    }
}

#[test]
fn sinks_get_what_matters_enough() {
    let mut config = notify(1);
    config.sinks.get_mut("a").expect("a sink").least = Severity::Critical;
    let folder = tempfile::tempdir().expect("a folder");
    let mut notifier = Notifier::open(folder.path(), &config).expect("a notifier");
    assert_eq!(notifier.tell(&drifting(&["file./a"]), at(0)).expect("told"), 1);
    assert!(waiting(folder.path()).is_empty(), "it is major");
}

#[test]
fn the_spool_is_bounded_and_loses_its_oldest() {
    let mut place = Place::new(1);
    place.tell(&drifting(&["file./a"]), 0);
    let message = waiting(place.0.path()).pop().expect("one");
    let spool = Spool::open(&Notifier::spool_of(place.0.path(), "a")).expect("a spool");
    for n in 0..spool::MESSAGES_MAX + 9 {
        let id = format!("{n:032}");
        spool
            .put(&Message { id, at: at(i64::try_from(n).expect("small") + 1), ..message.clone() })
            .expect("put");
    }
    let mut names = spool.names().expect("names");
    assert_eq!(spool.trim(&mut names).expect("trimmed"), 10);
    assert_eq!(spool.names().expect("names").len(), spool::MESSAGES_MAX);
    assert!(!spool.names().expect("names").iter().any(|name| name.contains(&message.id)));
}

#[test]
fn no_value_and_no_markup_gets_out() {
    let mut place = Place::new(1);
    let mut hostile = resource("file./<!channel>\u{1b}[2J&", "host", "drift", None);
    hostile["detail"] = "hunter2".into();
    hostile["differences"] =
        json!([{ "field": "content", "desired": "hunter2", "actual": "hunter2" }]);
    place.tell(&status(vec![hostile], &[]), 0);
    let message = waiting(place.0.path()).pop().expect("one");
    let (event, slack) = (message.cloud_event().to_string(), message.slack().to_string());
    for sent in [&event, &slack] {
        assert!(!sent.contains("hunter2") && !sent.contains('\u{1b}'), "{sent}");
    }
    assert!(!slack.contains("<!channel>"), "{slack}");
    let event = message.cloud_event();
    assert_eq!(
        (&event["specversion"], &event["type"]),
        (&"1.0".into(), &"countersign.drift.begun".into())
    );
    assert_eq!(event["id"].as_str().map(str::len), Some(32));
    assert_eq!(event["source"], "countersign://web-1");
}

#[test]
fn what_begins_and_ends_within_a_second_arrives_in_that_order() {
    let mut place = Place::new(1);
    for n in 0..6 {
        let name = format!("file./srv/{n}");
        // The one before is over when the next one begins.
        assert_eq!(place.tell(&drifting(&[&name]), 0), if n == 0 { 1 } else { 2 });
    }
    let numbers: Vec<u64> = waiting(place.0.path()).iter().map(|message| message.number).collect();
    assert_eq!(numbers, (0..11).collect::<Vec<u64>>());
}
