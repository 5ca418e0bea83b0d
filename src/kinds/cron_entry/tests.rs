//! Tables of cron in a root of their own. What belongs to root there is heeded only where root runs the tests, so the tables
//! of a user stand in for those of the system; whose files are heeded has tests beside the reader.

use super::*;
use crate::config::Policy;
use crate::kinds::test_world::{self, Root, check};

const ME: &str = "/var/spool/cron/crontabs/me";

fn root() -> Root {
    let root = Root::new();
    root.file("etc/debian_version", b"12\n").dir("etc/cron.d", 0o755);
    root
}

fn mine(root: &Root, text: &str) {
    root.file(&ME[1..], text.as_bytes()).mode(&ME[1..], 0o600);
}

#[test]
fn an_entry_is_compared_by_what_it_means() {
    let root = root();
    mine(
        &root,
        "MAILTO=x\n# c\n15 3 * * *\t/usr/local/bin/backup.sh --key hunter2\n@weekly  /b/prune\n",
    );
    let cases: &[(&str, &[&str])] = &[
        ("program = '/b/prune'\nschedule = '0 0 * * sun'\nuser = 'me'\ncommand = '/b/prune'", &[]),
        ("program = '/b/prune'\nschedule = '@daily'", &["schedule \"@daily\" \"@weekly\""]),
        ("schedule = '15 03 * * *'\ncommand = '/usr/local/bin/backup.sh --key hunter2'", &[]),
        (
            "program = '/b/prune'\nuser = 'root'\ncommand = 'x'",
            &["user \"root\" \"me\"", "command \"x\" \"/b/prune\""],
        ),
        ("program = '/b/none'", &["presence \"present\" \"no entry of that program\""]),
        ("program = '/b/none'\npresent = false", &[]),
        ("program = '/b/prune'\npresent = false", &["presence \"absent\" \"@weekly me /b/prune\""]),
    ];
    for (toml, expected) in cases {
        check::<CronEntry>(&root, "x", &format!("file = '{ME}'\n{toml}"), expected);
    }
    check::<CronEntry>(&root, "x", "file = '/etc/cron.d/none'", &["file \"present\" \"absent\""]);
    check::<CronEntry>(&root, "x", "file = '/etc/cron.d/none'\npresent = false", &[]);
}

#[test]
fn a_command_is_shown_only_where_content_may_be() {
    let mut root = root();
    root.policy = Policy::new(&["/".into()], &[], &[]).expect("patterns");
    mine(&root, "15 3 * * * TOKEN=hunter2 /b/x --key hunter2\n");
    let spec = || test_world::prepare::<CronEntry>("x", &format!("file = '{ME}'\ncommand = 'y'")).0;
    let found = test_world::compare(&root, "x", spec());
    let text = format!("{found:?}");
    assert!(text.contains("sha256:") && !text.contains("hunter2"), "{text}");
    let pattern = test_world::prepare::<CronEntry>("*hunter2*", "only = []").0;
    assert_eq!(test_world::lines(&test_world::compare(&root, "*hunter2*", pattern)), [""; 0]);
}

#[test]
fn the_list_of_entries_can_be_closed() {
    let root = root();
    root.file("etc/cron.daily/tidy", b"").mode("etc/cron.daily/tidy", 0o755);
    root.file("etc/cron.daily/.placeholder", b"").dir("etc/cron.daily/folder", 0o755);
    mine(&root, "5 * * * * cd /opt/cutter && python3 -m cutter_agent\n5 * * * * x\n6 * * * * x\n");
    let cutter =
        format!("{ME} me cd /opt/cutter python3 cutter_agent null \"runs 5 * * * *, line 1\"");
    check::<CronEntry>(&root, "*cutter*", "only = []", &[&cutter]);
    check::<CronEntry>(&root, "*docker*", "only = []", &[]);
    let all = format!(
        "only = ['/etc/cron.daily/tidy root /etc/cron.daily/tidy', '{ME} me x', '{ME} me x (2)', \
         '{ME} me cd /opt/cutter python3 cutter_agent']"
    );
    check::<CronEntry>(&root, "*", &all, &[]);
    mine(&root, "5 * * * * x\n");
    check::<CronEntry>(
        &root,
        "* me x*",
        &format!("only = ['{ME} me x', '{ME} me x (2)']"),
        &[&format!("{ME} me x (2) \"present\" null")],
    );
}

#[test]
fn what_cron_does_not_heed_is_absent_with_a_remark() {
    let root = root();
    root.file("etc/cron.d/cutter.off", b"not a table\n")
        .file("etc/cron.daily/cutter", b"")
        .mode("etc/cron.daily/cutter", 0o644);
    mine(&root, "5 * * * * /opt/cutter");
    let spec = test_world::prepare::<CronEntry>("*cutter*", "only = []").0;
    let found = test_world::compare(&root, "*cutter*", spec).expect("told");
    assert_eq!(found.differences, []);
    let seen = found.seen.expect("words");
    for part in [
        "none; ",
        "cutter.off is not heeded by cron: its name",
        "cron.daily/cutter is not",
        "crontabs/me is not heeded by cron: its last line",
    ] {
        assert!(seen.contains(part), "{part}: {seen}");
    }
    let file = format!("file = '{ME}'");
    let ignored = "presence \"present\" \"not heeded by cron: its last line has no end\"";
    check::<CronEntry>(&root, "x", &file, &[ignored]);
    check::<CronEntry>(&root, "x", &format!("{file}\npresent = false"), &[]);
    root.file("var/spool/cron/crontabs/ghost", b"5 * * * * x\n")
        .mode("var/spool/cron/crontabs/ghost", 0o600);
    let ghost = "presence \"present\" \"not heeded by cron: it is the table of nobody\"";
    check::<CronEntry>(&root, "x", "file = '/var/spool/cron/crontabs/ghost'", &[ghost]);
}

#[test]
fn a_place_that_is_not_told_leaves_the_list_unknown() {
    let mut root = root();
    mine(&root, "5 * * * * x\n60 * * * * y\n");
    check::<CronEntry>(&root, "*cutter*", "only = []", &["blind malformed"]);
    check::<CronEntry>(&root, "x", &format!("file = '{ME}'"), &["blind malformed"]);
    mine(&root, "5 * * * * x\n");
    root.link("etc/crontab", "/etc/passwd");
    check::<CronEntry>(&root, "*cutter*", "only = []", &["blind not_supported"]);
    std::fs::remove_file(root.path("etc/crontab")).expect("removed");
    check::<CronEntry>(&root, "*cutter*", "only = []", &[]);
    root.policy = Policy::new(&["/etc".into()], &[], &[]).expect("patterns");
    let spec = test_world::prepare::<CronEntry>("*cutter*", "only = []").0;
    let why = test_world::compare(&root, "*cutter*", spec).expect_err("not open");
    assert!(why.detail.contains("/var/spool/cron"), "{why}");
}

#[test]
fn keys_that_exclude_each_other_are_refused() {
    let file = "file = '/etc/cron.d/a'";
    for (name, toml, code) in [
        ("a", String::new(), "CS0005"),
        ("a", "file = '/etc/passwd'".to_owned(), "CS0004"),
        ("a", "file = 'x'".to_owned(), "CS0004"),
        ("a", format!("{file}\nschedule = '* * *'"), "CS0004"),
        ("a", format!("{file}\npresent = false\nuser = 'root'"), "CS0008"),
        ("a*", String::new(), "CS0005"),
        ("a*", format!("only = []\n{file}"), "CS0008"),
    ] {
        let problems = test_world::prepare::<CronEntry>(name, &toml).1;
        let codes: Vec<_> = problems.iter().map(|p| p.code.to_string()).collect();
        assert_eq!(codes, [code], "{name} {toml}");
    }
}

#[test]
fn what_is_adopted_is_in_sync() {
    let root = root();
    mine(&root, "5 * * * * x\n");
    root.file("etc/cron.d/a.off", b"");
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let adopted = runtime.block_on(CronEntry::adopt(&root.world(), "*")).expect("every place");
    let [draft] = adopted.drafts.as_slice() else { panic!("{adopted:?}") };
    assert!(draft.comment.as_ref().is_some_and(|c| c.contains("a.off")), "{draft:?}");
    let table: serde_json::Map<String, Value> =
        draft.keys.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
    check::<CronEntry>(&root, "*", &toml::to_string(&table).expect("TOML"), &[]);
}

#[test]
fn entries_are_written_down_by_a_pattern_only() {
    let root = root();
    mine(&root, "@daily /usr/bin/x\n");
    let refused = test_world::adopt::<CronEntry>(&root, "x").map_err(|unknown| unknown.reason);
    assert_eq!(refused, Err(Reason::NotSupported));
    let lines = test_world::adopt::<CronEntry>(&root, "*zz*").expect("told");
    assert_eq!(lines, ["*zz* only=[]"]);
}
