//! Accounts in files of a root of their own, and the name service of the machine that runs the tests.

use super::*;
use crate::config::Policy;
use crate::kinds::test_world::{self, Root, check};

const PASSWD: &str = "\
# people
root:x:0:0:root:/root:/bin/bash
daemon:*:1:1::/usr/sbin:/usr/sbin/nologin

cutter:x:1002:1002:The cutter,,,:/var/lib/cutter:/usr/sbin/nologin
open::1003:77::/:/bin/sh
";
const GROUP: &str =
    "root:x:0:\ncutter:x:1002:cutter\nincomex:x:1001:deploy,cutter\ndocker:x:5:cutter\n";

fn root() -> Root {
    let root = Root::new();
    root.file("etc/passwd", PASSWD.as_bytes()).file("etc/group", GROUP.as_bytes());
    root.file("etc/shadow", b"root:*:1:\ncutter:$y$j9T$salt$hash:1::::::\n");
    root
}

#[test]
fn an_account_is_compared_by_its_line_and_its_groups() {
    let root = root();
    let whole = "uid = 1002\ngroup = 'cutter'\ngroups = ['docker', 'incomex']\nhome = '/var/lib/cutter'\n\
                 shell = '/usr/sbin/nologin'\ncomment = 'The cutter,,,'\nsole_uid = true";
    let cases: &[(&str, &str, &[&str])] = &[
        ("cutter", whole, &[]),
        (
            "cutter",
            "uid = 7\nshell = '/bin/sh'",
            &["uid 7 1002", "shell \"/bin/sh\" \"/usr/sbin/nologin\""],
        ),
        ("cutter", "groups = ['docker']", &["groups [\"docker\"] [\"docker\",\"incomex\"]"]),
        ("cutter", "present = false", &["presence \"absent\" \"present\""]),
        ("open", "group = '77'\ngroups = []", &[]),
        ("nobody", "present = false", &[]),
        ("nobody", "uid = 1", &["presence \"present\" \"absent\""]),
        ("cutter", "password = 'set'", &[]),
        ("cutter", "password = 'locked'", &["password \"locked\" \"set\""]),
        ("root", "password = 'locked'", &[]),
        ("daemon", "password = 'locked'", &[]),
        ("open", "password = 'locked'", &["password \"locked\" \"none\""]),
    ];
    for (name, toml, expected) in cases {
        check::<User>(&root, name, toml, expected);
    }
}

#[test]
fn a_second_superuser_and_a_second_line_are_found() {
    let root = root();
    check::<User>(&root, "root", "sole_uid = true", &[]);
    root.file(
        "etc/passwd",
        format!("{PASSWD}toor:x:0:0::/:/bin/sh\ncutter:x:0:0::/:/bin/sh\n").as_bytes(),
    );
    check::<User>(&root, "root", "sole_uid = true", &["sole_uid true \"toor, cutter\""]);
    let again = "line \"one line\" \"named again in line 8, which nobody heeds\"";
    check::<User>(&root, "cutter", "uid = 1002", &[again]);
}

#[test]
fn order_comments_and_blanks_are_no_drift() {
    let root = root();
    let mut lines: Vec<&str> = PASSWD.lines().collect();
    lines.reverse();
    root.file("etc/passwd", format!("\n# x\n  {}\n", lines.join("\n")).as_bytes());
    check::<User>(&root, "*", "only = ['cutter', 'daemon', 'open', 'root']", &[]);
    check::<User>(&root, "cutter", "uid = 1002\ngroup = 'cutter'", &[]);
}

#[test]
fn the_list_of_accounts_can_be_closed() {
    let root = root();
    check::<User>(&root, "*t*", "only = ['cutter', 'root']", &[]);
    check::<User>(&root, "*admin*", "only = []", &[]);
    let unlisted = "open null \"uid 1003, shell /bin/sh\"";
    let missing = "zoe \"present\" null";
    check::<User>(&root, "*", "only = ['cutter', 'daemon', 'root', 'zoe']", &[unlisted, missing]);
    root.file("etc/passwd", b"root:x:0:0::/:\n+::::::\n");
    check::<User>(&root, "*", "only = ['root']", &["blind not_supported"]);
    check::<User>(&root, "cutter", "present = false", &["blind not_supported"]);
    check::<User>(&root, "root", "sole_uid = true", &["blind sole_uid not_supported"]);
    root.file("etc/passwd", b"root:x:0:0::/:\nbroken\n");
    check::<User>(&root, "*", "only = ['root']", &["blind malformed"]);
    check::<User>(&root, "root", "uid = 0", &[]);
}

#[test]
fn what_the_host_denies_or_cannot_say_is_unknown_in_that_field() {
    let mut root = root();
    root.policy = Policy::new(&["/etc".into()], &["/etc/shadow".into()], &[]).expect("patterns");
    check::<User>(&root, "cutter", "uid = 1002\npassword = 'set'", &["blind password not_allowed"]);
    check::<User>(&root, "open", "password = 'none'", &[]);
    root.policy = Policy::new(&["/srv".into()], &[], &[]).expect("patterns");
    check::<User>(&root, "cutter", "password = 'set'", &["blind password not_allowed"]);
    root.policy = Policy::nothing();
    check::<User>(&root, "cutter", "", &["blind not_allowed"]);
    root.policy = Policy::everything();
    root.file("etc/group", b"broken\n").file("etc/passwd", b"cutter:x:1:7:\xff:/:/bin/sh\n");
    let blind = ["blind group malformed", "blind groups malformed", "blind comment malformed"];
    check::<User>(&root, "cutter", "uid = 1\ngroup = 'g'\ngroups = []\ncomment = 'x'", &blind);
}

#[test]
fn the_name_service_is_asked_about_the_running_system_only() {
    check::<User>(&root(), "cutter", "source = 'nss'", &["blind not_supported"]);
    let questions = || {
        ["root", "no-such-account"].map(|name| look::Question {
            name: name.to_owned(),
            source: Source::Nss,
            password: false,
        })
    };
    let host =
        |policy| crate::probe::host::Host::open(std::path::Path::new("/"), policy).expect("a root");
    let deadline = std::time::Duration::from_mins(1);
    let live = look::all(&host(Policy::everything()), questions().into(), deadline);
    assert!(
        matches!(&live["root"], Ok(Seen::One(one)) if one.uid == 0 && one.group == Ok("root".into())),
        "{live:?}"
    );
    let reason = live["no-such-account"].as_ref().map_err(|why| why.reason);
    assert_eq!(reason, Err(Reason::Undecidable));
    let refused = look::all(&host(Policy::nothing()), questions().into(), deadline);
    assert!(
        matches!(&refused["root"], Err(why) if why.reason == Reason::NotAllowed),
        "{refused:?}"
    );
}

#[test]
fn keys_that_exclude_each_other_are_refused() {
    for (name, toml, code) in [
        ("a:b", "", "CS0012"),
        ("", "", "CS0012"),
        ("+a", "", "CS0012"),
        ("a", "present = false\nuid = 1", "CS0008"),
        ("a*", "", "CS0005"),
        ("a*", "only = []\nuid = 1", "CS0008"),
        ("a", "only = []", "CS0008"),
        ("a*", "only = []\nsource = 'nss'", "CS0008"),
        ("a", "source = 'nss'\npresent = false", "CS0008"),
        ("a", "source = 'nss'\npassword = 'set'", "CS0008"),
        ("1000", "source = 'nss'", "CS0012"),
    ] {
        let problems = test_world::prepare::<User>(name, toml).1;
        let codes: Vec<_> = problems.iter().map(|p| p.code.to_string()).collect();
        assert_eq!(codes, [code], "{name} {toml}");
    }
}

#[test]
fn what_is_adopted_is_in_sync() {
    let root = root();
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let world = root.world();
    let adopted = runtime.block_on(User::adopt(&world, "*")).expect("whole files");
    assert_eq!(adopted.drafts.len(), 5);
    for draft in adopted.drafts {
        let table: serde_json::Map<String, Value> =
            draft.keys.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
        check::<User>(&root, &draft.name, &toml::to_string(&table).expect("TOML"), &[]);
    }
    assert!(runtime.block_on(User::adopt(&world, "nobody")).is_err());
    assert_eq!(runtime.block_on(User::adopt(&world, "cutter")).expect("there").drafts.len(), 1);
}
