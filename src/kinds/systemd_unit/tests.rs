//! Units against tables: recorded answers of a manager, and unit files of a root that is not running.

use super::*;
use crate::action::{Condition, Remedy};
use crate::kinds::test_world::{self, check, lines, prepare};
use serde_json::json;

const PATH: &str = "/etc/systemd/system/a.service";

/// A recorded answer of a manager about `a.service`, with other values in some places.
fn recorded(other: &Value) -> Value {
    let not_asked = json!({ "Err": { "reason": "no_answer", "detail": "not asked" } });
    let mut unit = json!({
        "id": "a.service",
        "load": "loaded",
        "active": { "Ok": { "state": "active", "sub": "running" } },
        "enabled": { "Ok": "enabled" },
        "fragment": PATH,
        "fragment_sha256": { "Ok": "11".repeat(32) },
        "drop_ins": [],
        "definition_sha256": { "Ok": "22".repeat(32) },
        "needs_reload": { "Ok": false },
        "result": { "Ok": "success" },
        "user": { "Ok": "" },
        "triggered": not_asked,
    });
    for (key, value) in other.as_object().expect("a table") {
        unit[key] = value.clone();
    }
    json!({ "source": "bus", "unit": unit })
}

fn judged(name: &str, toml: &str, answer: &Value) -> (Vec<String>, Option<String>) {
    let (spec, problems) = prepare::<SystemdUnit>(name, toml);
    assert_eq!(problems, [], "{name} {toml}");
    let seen: Seen = serde_json::from_value(answer.clone()).expect("a stored answer");
    let found = spec.diff(name, &seen);
    let seen = found.seen.clone();
    (lines(&Ok(found)), seen)
}

#[track_caller]
fn expect(other: &Value, toml: &str, expected: &[&str]) {
    let (lines, _) = judged("a.service", toml, &recorded(other));
    let fits = lines.len() == expected.len()
        && lines.iter().zip(expected).all(|(line, expected)| line.starts_with(expected));
    assert!(fits, "{toml}\n{lines:#?}\n{expected:#?}");
}

fn active(state: &str, sub: &str) -> Value {
    json!({ "Ok": { "state": state, "sub": sub } })
}

#[test]
fn every_state_is_itself() {
    let enabled = |word: &str| json!({ "enabled": { "Ok": word } });
    expect(&enabled("enabled"), "enabled = 'enabled'", &[]);
    expect(&enabled("enabled"), "enabled = ['disabled', 'enabled']", &[]);
    expect(&enabled("static"), "enabled = 'static'", &[]);
    let why = "enabled \"enabled\" \"static: it has no [Install] section";
    expect(&enabled("static"), "enabled = 'enabled'", &[why]);
    for (word, toml) in [
        ("enabled-runtime", "enabled = 'enabled'"),
        ("masked-runtime", "enabled = 'masked'"),
        ("masked", "enabled = 'disabled'"),
        ("generated", "enabled = 'enabled'"),
        ("indirect", "enabled = 'enabled'"),
        ("linked", "enabled = 'enabled'"),
        ("disabled", "enabled = 'enabled'"),
    ] {
        expect(&enabled(word), toml, &["enabled "]);
        expect(&enabled(word), &format!("enabled = '{word}'"), &[]);
    }
    let alias = json!({ "id": "b.service", "enabled": { "Ok": "alias" } });
    expect(&alias, "enabled = 'enabled'", &["enabled \"enabled\" \"alias of b.service\""]);
    expect(&enabled(""), "enabled = 'enabled'", &["enabled \"enabled\" \"nothing: it has no"]);
}

#[test]
fn a_unit_has_to_be_loaded_unless_something_else_is_wanted() {
    let masked = json!({ "load": "masked", "enabled": { "Ok": "masked" } });
    expect(&masked, "", &["load \"loaded\" \"masked\""]);
    expect(&masked, "enabled = 'masked'", &[]);
    expect(&masked, "load = 'masked'", &[]);
    expect(&masked, "enabled = 'enabled'", &["load ", "enabled \"enabled\" \"masked\""]);
    let bad = json!({ "load": "bad-setting", "load_error": "a.service has a bad\u{1b}setting" });
    expect(&bad, "", &["load \"loaded\" \"bad-setting: a.service has a bad\\\\u{1b}setting\""]);
    expect(&bad, "load = ['loaded', 'bad-setting']", &[]);
    expect(&json!({ "load": "error" }), "", &["load \"loaded\" \"error\""]);
}

#[test]
fn absence_is_that_of_the_file_and_of_what_runs() {
    let gone = json!({ "load": "not-found", "active": active("inactive", "dead") });
    expect(&gone, "present = false", &[]);
    expect(&gone, "", &["presence \"present\" \"absent\""]);
    expect(
        &json!({}),
        "present = false",
        &["presence \"absent\" \"present: active (running), enabled\""],
    );
    let left = json!({ "load": "not-found", "active": active("active", "running") });
    expect(
        &left,
        "present = false",
        &["active \"inactive\" \"active (running), although its file"],
    );
    let ending = json!({ "load": "not-found", "active": active("deactivating", "stop") });
    expect(&ending, "present = false", &["blind active changed_while_reading"]);
}

#[test]
fn a_unit_on_its_way_is_unknown_unless_that_is_expected() {
    let starting = json!({ "active": active("activating", "auto-restart") });
    expect(&starting, "active = 'active'", &["blind active changed_while_reading"]);
    expect(&starting, "active = ['active', 'activating']", &[]);
    expect(&starting, "enabled = 'enabled'", &[]);
    let failed = json!({ "active": active("failed", "failed"), "result": { "Ok": "exit-code" } });
    expect(&failed, "active = 'active'", &["active \"active\" \"failed, result exit-code\""]);
    expect(&failed, "result = 'success'", &["result \"success\" \"exit-code\""]);
    expect(&failed, "active = ['inactive', 'failed']", &[]);
}

#[test]
fn a_file_that_was_added_is_named_with_what_it_hides() {
    let added = json!({ "drop_ins": ["/etc/systemd/system/a.service.d/9.conf", "/run/x/10.conf"] });
    expect(
        &added,
        "drop_ins = []",
        &[
            "drop_ins /etc/systemd/system/a.service.d/9.conf null \"applies\"",
            "drop_ins /run/x/10.conf null \"applies\"",
        ],
    );
    let vendor = "drop_ins = ['/run/x/10.conf', '/usr/lib/systemd/system/a.service.d/9.conf']";
    expect(
        &added,
        vendor,
        &[
            "drop_ins /etc/systemd/system/a.service.d/9.conf null \"applies, and wins over /usr/lib",
            "drop_ins /usr/lib/systemd/system/a.service.d/9.conf \"applies\" \"not read: /etc",
        ],
    );
    expect(&added, "drop_ins = ['/run/x/10.conf', '/etc/systemd/system/a.service.d/9.conf']", &[]);
    expect(&json!({}), "drop_ins = ['/x/1.conf']", &["drop_ins /x/1.conf \"applies\" null"]);
    expect(&added, "", &[]);
}

#[test]
fn everything_else_is_compared_where_it_is_mentioned() {
    let stale = json!({ "needs_reload": { "Ok": true } });
    expect(&stale, "needs_reload = false", &["needs_reload false true"]);
    expect(&stale, "", &[]);
    let digest = "33".repeat(32);
    let toml = format!(
        "fragment = '/x'\nfragment_sha256 = '{digest}'\ndefinition_sha256 = '{digest}'\nuser = 'x'"
    );
    expect(
        &json!({}),
        &toml,
        &["user \"x\" \"\"", "fragment ", "fragment_sha256 ", "definition_sha256 "],
    );
    let same = format!("fragment = '{PATH}'\ndefinition_sha256 = '{}'\nuser = ''", "22".repeat(32));
    expect(&json!({}), &same, &[]);
    let blind = json!({ "needs_reload": { "Err": { "reason": "io_error", "detail": "x" } } });
    expect(&blind, "needs_reload = false", &["blind needs_reload io_error"]);
}

#[test]
fn a_timer_fires_often_enough_or_has_not() {
    let timer = |triggered: Value, ago: Value| {
        let mut answer = recorded(&json!({ "id": "a.timer", "triggered": triggered }));
        if !ago.is_null() {
            answer["unit"]["triggered_seconds_ago"] = ago;
        }
        judged("a.timer", "triggered_within = '1h'", &answer).0
    };
    assert_eq!(timer(json!({ "Ok": 5 }), json!(3600)), [""; 0]);
    assert_eq!(timer(json!({ "Ok": 5 }), json!(3601)), ["triggered_within \"1 h\" \"1 h ago\""]);
    assert_eq!(timer(json!({ "Ok": null }), Value::Null), ["triggered_within \"1 h\" \"never\""]);
    let unknown = json!({ "Err": { "reason": "not_supported", "detail": "x" } });
    assert_eq!(timer(unknown, Value::Null), ["blind triggered_within not_supported"]);
}

#[test]
fn a_pattern_is_a_closed_list() {
    let answer =
        json!({ "source": "bus", "units": { "cutter-a.service": "loaded, active (running)" } });
    let judge = |only: &str| judged("cutter*", &format!("only = {only}"), &answer);
    assert_eq!(judge("[]").0, ["cutter-a.service null \"loaded, active (running)\""]);
    assert_eq!(judge("['cutter-a.service']"), (Vec::new(), Some("1/1".to_owned())));
    assert_eq!(
        judge("['cutter-a.service', 'cutter-b.timer']").0,
        ["cutter-b.timer \"present\" null"]
    );
    // An answer to another question is none.
    assert_eq!(
        judged("cutter*", "only = []", &recorded(&json!({}))).0,
        ["blind only not_recorded"]
    );
}

#[test]
fn what_was_seen_is_said_in_a_few_words() {
    let seen = |other: Value| judged("a.service", "", &recorded(&other)).1.expect("words");
    assert_eq!(seen(json!({})), "active (running), enabled");
    assert_eq!(
        seen(json!({ "id": "b.service", "enabled": { "Ok": "alias" } })),
        "is b.service, active (running), alias"
    );
    let masked = json!({ "load": "masked", "enabled": { "Ok": "masked" }, "active": active("inactive", "dead") });
    assert_eq!(seen(masked), "masked, inactive (dead)");
}

#[test]
fn names_and_keys_that_cannot_be_meant_are_refused() {
    let codes = |name: &str, toml: &str| -> Vec<String> {
        prepare::<SystemdUnit>(name, toml).1.iter().map(|p| p.code.to_string()).collect()
    };
    assert_eq!(codes("ssh", ""), ["CS0012"]);
    assert_eq!(codes("a b.service", ""), ["CS0012"]);
    assert_eq!(codes("a b*", "only = []"), ["CS0012"]);
    assert_eq!(codes("*", "only = []"), [""; 0]);
    assert_eq!(codes("cutter*", ""), ["CS0005"]);
    assert_eq!(codes("cutter*", "only = []\nactive = 'active'"), ["CS0008"]);
    assert_eq!(codes("cutter*", "only = []\npresent = false"), ["CS0008"]);
    assert_eq!(codes("a.service", "only = []"), ["CS0008"]);
    assert_eq!(codes("a.service", "present = false\nenabled = 'masked'"), ["CS0008"]);
    assert_eq!(codes("a.service", "triggered_within = '1h'"), ["CS0008"]);
    assert_eq!(
        codes("a.service", "drop_ins = ['10.conf']\nfragment = '/a/../b'"),
        ["CS0004", "CS0004"]
    );
    let hint = prepare::<SystemdUnit>("ssh", "").1.remove(0).hint.expect("a hint");
    assert!(hint.contains("`ssh.service`"), "{hint}");
}

fn root() -> test_world::Root {
    let root = test_world::Root::new();
    let unit = |name: &str| format!("usr/lib/systemd/system/{name}");
    root.file(&unit("static.service"), b"[Service]\nExecStart=/bin/true\n")
        .file(&unit("a-b.service"), b"[Install]\nWantedBy=multi-user.target\n")
        .file(&unit("a-b.service.d/10.conf"), b"[Service]\nNice=1\n")
        .file("etc/systemd/system/a-.service.d/10.conf", b"")
        .file("run/systemd/system/service.d/20.conf", b"[Service]\nNice=2\n")
        .file("run/systemd/system/service.d/notes.txt", b"")
        .file(&unit("t@.service"), b"[Install]\nWantedBy=multi-user.target\n")
        .file(&unit("empty.service"), b"")
        .dir("etc/systemd/system/multi-user.target.wants", 0o755)
        .link(
            "etc/systemd/system/multi-user.target.wants/a-b.service",
            "/usr/lib/systemd/system/a-b.service",
        )
        .link(
            "etc/systemd/system/multi-user.target.wants/t@x.service",
            "/usr/lib/systemd/system/t@.service",
        )
        .link("etc/systemd/system/masked.service", "/dev/null")
        .link("etc/systemd/system/out.service", "/etc/passwd.service")
        .link("lib", "usr/lib");
    root
}

#[test]
fn files_tell_what_files_can_tell() {
    let root = root();
    let dropped = "drop_ins = ['/etc/systemd/system/a-.service.d/10.conf', '/run/systemd/system/service.d/20.conf']";
    let no_20 = "drop_ins = ['/etc/systemd/system/a-.service.d/10.conf']";
    let cases: &[(&str, &str, &[&str])] = &[
        (
            "a-b.service",
            "enabled = 'enabled'\nfragment = '/usr/lib/systemd/system/a-b.service'",
            &[],
        ),
        ("a-b.service", dropped, &[]),
        (
            "a-b.service",
            no_20,
            &["drop_ins /run/systemd/system/service.d/20.conf null \"applies\""],
        ),
        ("static.service", "enabled = 'static'", &[]),
        ("masked.service", "enabled = 'masked'\nload = 'masked'", &[]),
        ("masked.service", "", &["load \"loaded\" \"masked\""]),
        ("empty.service", "enabled = 'masked'", &[]),
        ("t@.service", "enabled = 'indirect'", &[]),
        ("t@x.service", "enabled = 'enabled'", &[]),
        ("t@y.service", "enabled = 'disabled'", &[]),
        ("none.service", "present = false", &[]),
        ("out.service", "present = false", &[]),
        ("a-b.service", "active = 'active'", &["blind active not_supported"]),
        ("a-b.service", "needs_reload = false", &["blind needs_reload not_supported"]),
        ("a-b.service", "load = 'loaded'", &["blind load not_supported"]),
        ("a-b.service", "load = 'masked'", &["load \"masked\" \"loaded\""]),
        ("t@x.service", "source = 'files'", &[]),
        ("*cutter*", "only = []", &[]),
        ("t@*", "only = ['t@.service', 't@x.service']", &[]),
        (
            "*.service",
            "only = ['a-b.service', 'empty.service', 'masked.service', 'out.service', 'static.service', 't@.service', 't@x.service']",
            &[],
        ),
        ("a*", "only = []", &["a-b.service null \"file, enabled\""]),
    ];
    for (name, toml, expected) in cases {
        check::<SystemdUnit>(&root, name, toml, expected);
    }
}

#[test]
fn digests_are_those_of_sha256sum() {
    let root = root();
    let fragment = Digest::of(b"[Install]\nWantedBy=multi-user.target\n");
    let list = format!(
        "{fragment}  /usr/lib/systemd/system/a-b.service\n\
         {}  /etc/systemd/system/a-.service.d/10.conf\n\
         {}  /run/systemd/system/service.d/20.conf\n",
        Digest::of(b""),
        Digest::of(b"[Service]\nNice=2\n"),
    );
    let definition = Digest::of(list.as_bytes());
    let toml = format!("fragment_sha256 = '{fragment}'\ndefinition_sha256 = '{definition}'");
    check::<SystemdUnit>(&root, "a-b.service", &toml, &[]);
    root.file("run/systemd/system/service.d/20.conf", b"[Service]\nNice=3\n");
    let (spec, _) = prepare::<SystemdUnit>("a-b.service", &toml);
    let found = lines(&test_world::compare(&root, "a-b.service", spec));
    assert!(found.len() == 1 && found[0].starts_with("definition_sha256"), "{found:?}");
}

#[test]
fn the_hosts_own_rules_hold_for_unit_files() {
    let mut root = root();
    root.policy = crate::config::Policy::nothing();
    check::<SystemdUnit>(&root, "static.service", "", &["blind not_allowed"]);
    let deny = ["/etc/systemd/**".to_owned()];
    root.policy = crate::config::Policy::new(&["/srv".into()], &deny, &[]).expect("patterns");
    check::<SystemdUnit>(&root, "static.service", "", &["blind not_allowed"]);
    root.policy = crate::config::Policy::new(&["/srv".into()], &[], &[]).expect("patterns");
    check::<SystemdUnit>(&root, "static.service", "", &[]);
}

#[test]
fn a_system_that_was_not_booted_with_systemd_is_unknown() {
    if std::path::Path::new("/run/systemd/system").exists() {
        eprintln!("SKIPPED: this machine was booted with systemd");
        return;
    }
    let mut world = test_world::Root::new().world();
    let policy = crate::config::Policy::everything();
    let host = crate::probe::host::Host::open("/".as_ref(), policy).expect("a root");
    world.host = std::sync::Arc::new(host);
    let (spec, _) = prepare::<SystemdUnit>("a.service", "present = false");
    let named = Named { name: "a.service".to_owned(), spec: std::sync::Arc::new(spec) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let answers = runtime.expect("a runtime").block_on(SystemdUnit::observe_all(&world, &[named]));
    let unknown = answers["a.service"].as_ref().expect_err("nobody can tell");
    assert_eq!(unknown.reason, crate::model::Reason::NotSupported);
    assert!(unknown.detail.contains("not booted with systemd"), "{unknown}");
}

#[test]
fn what_is_written_down_is_in_sync_with_what_it_was_written_from() {
    let root = root();
    let world = root.world();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.expect("a runtime");
    for asked in ["*", "a-b.service", "none.service", "t@*"] {
        let adopted = runtime.block_on(SystemdUnit::adopt(&world, asked)).expect("adopted");
        assert!(adopted.unseen.is_empty() && !adopted.drafts.is_empty(), "{adopted:?}");
        for draft in adopted.drafts {
            let keys = draft.keys.into_iter().map(|(key, value)| (key.to_owned(), value));
            let table: serde_json::Map<String, Value> = keys.collect();
            let toml = toml::to_string(&Value::Object(table)).expect("TOML");
            // A link to a file that is gone is the name of a unit, and no unit.
            check::<SystemdUnit>(&root, &draft.name, &toml, &[]);
        }
    }
    let refused = runtime.block_on(SystemdUnit::adopt(&world, "ssh")).expect_err("no type");
    assert!(refused.detail.contains("ssh.service"), "{refused}");
}

/// What would be done about a unit: each change with the states around it, or why there is none.
fn remedy(answer: &Value, toml: &str) -> String {
    let (spec, problems) = prepare::<SystemdUnit>("a.service", toml);
    assert_eq!(problems, [], "{toml}");
    let seen: Seen = serde_json::from_value(answer.clone()).expect("a stored answer");
    let state = |condition: &Condition| match condition {
        Condition::Unit { unit, is } if unit == "a.service" => is.to_string(),
        other => panic!("{other:?}"),
    };
    match spec.remedy("a.service", &seen, &Surroundings::default()) {
        Err(unknown) => format!("unknown: {}", unknown.detail),
        Ok(Remedy::Nothing(why)) => why,
        Ok(Remedy::Changes(changes)) => {
            let change = |one: &crate::action::Change| {
                let crate::action::Undo::By(undo) = &one.undo else { panic!("no undo: {one:?}") };
                let (before, after) = (state(&one.before), state(&one.after));
                format!("{}: {before} -> {after}, undo {undo}", one.action)
            };
            changes.iter().map(change).collect::<Vec<_>>().join("; ")
        }
        Ok(other) => panic!("{other:?}"),
    }
}

#[test]
fn a_unit_is_changed_where_nobody_has_to_choose() {
    let stopped = json!({ "active": active("inactive", "dead"), "enabled": { "Ok": "disabled" } });
    let failed = json!({ "active": active("failed", "failed"), "result": { "Ok": "exit-code" } });
    let enabled = |word: &str| json!({ "enabled": { "Ok": word } });
    let start = "start unit a.service: inactive -> active, undo stop unit a.service";
    let enable = "enable unit a.service: disabled -> enabled, undo disable unit a.service";
    for (seen, toml, expected) in [
        (&stopped, "active = 'active'", start),
        (&stopped, "active = ['active', 'failed']", start),
        (&stopped, "active = 'active'\nenabled = 'enabled'", &format!("{enable}; {start}")),
        (&stopped, "active = 'active'\nenabled = 'disabled'", start),
        (&stopped, "active = 'failed'", "no step is certain to lead to failed"),
        (&stopped, "enabled = 'static'", "no step is certain to lead to static"),
        (
            &json!({}),
            "active = 'inactive'",
            "stop unit a.service: active -> inactive, undo start unit a.service",
        ),
        (
            &json!({}),
            "enabled = ['disabled', 'static']",
            "disable unit a.service: enabled -> disabled, undo enable unit a.service",
        ),
        (
            &failed,
            "active = 'active'\nresult = 'success'",
            "start unit a.service: failed -> active, undo stop unit a.service",
        ),
        (&failed, "active = 'inactive'", "it has failed; once"),
        (&failed, "active = ['inactive', 'active']", "it has failed, and `active`"),
        (&failed, "result = 'success'", "a unit whose `result` differs"),
        (&failed, "active = 'active'\nuser = 'x'", "a unit whose `user` differs"),
        (&failed, "active = 'active'\ndrop_ins = ['/x.conf']", "a unit whose `drop_ins /x.conf`"),
        (&enabled("static"), "enabled = 'enabled'", "it is static: it has no [Install]"),
        (&enabled("masked"), "enabled = 'enabled'", "it is masked"),
        (&enabled("enabled-runtime"), "enabled = 'enabled'", "it is enabled-runtime: until"),
        (&enabled("alias"), "enabled = 'enabled'", "it is alias"),
        (&enabled(""), "enabled = 'enabled'", "it has no unit file"),
        (&json!({ "id": "b.service" }), "active = 'inactive'", "it is another name of b.service"),
        (&json!({ "load": "masked" }), "active = 'inactive'", "it is masked"),
        (&json!({ "load": "not-found" }), "active = 'active'", "there is no such unit"),
        (
            &json!({ "needs_reload": { "Ok": true } }),
            "active = 'inactive'",
            "its files are not those",
        ),
        (&json!({}), "present = false", "no step takes a unit away"),
        (
            &json!({ "active": active("maintenance", "x") }),
            "active = 'active'",
            "it is maintenance",
        ),
        (
            &json!({ "active": active("activating", "x") }),
            "active = 'active'",
            "unknown: it is still",
        ),
    ] {
        let found = remedy(&recorded(seen), toml);
        assert!(found.starts_with(expected), "{toml}: {found}\n{expected}");
    }
}

#[test]
fn a_unit_that_no_manager_answered_for_is_left_alone() {
    let stopped = json!({ "active": active("inactive", "dead"), "enabled": { "Ok": "disabled" } });
    for (source, why) in [("files", "only what the manager"), ("systemctl", "the manager did not")]
    {
        let mut answer = recorded(&stopped);
        answer["source"] = source.into();
        let found = remedy(&answer, "active = 'active'");
        assert!(found.starts_with(why), "{found}");
    }
    let list = json!({ "source": "bus", "units": { "x.service": "loaded" } });
    let (spec, _) = prepare::<SystemdUnit>("x*", "only = []");
    let seen: Seen = serde_json::from_value(list).expect("a stored answer");
    let left = spec.remedy("x*", &seen, &Surroundings::default());
    assert!(matches!(left, Ok(Remedy::Nothing(_))), "{left:?}");
}
