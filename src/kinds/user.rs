//! `[user.NAME]`: an account with its number, groups, home and shell, or no such account; and which accounts there are.
//!
//! Of a password only whether there is one is ever known here, and only where a table asks for it.

mod look;

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::account::{self, Source};
use super::closed::{self, is_pattern};
use super::{Adopted, Adoption, Answers, Draft, Files, Kind, Named, Problem};
use crate::model::display::{escape, one_line};
use crate::model::{Code, Comparison, Difference, Evidence, Reason, Unknown};
use crate::probe::World;
use crate::probe::accounts::Password;

/// The table of an account.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct User {
    /// `false`: no account has this name. Default: true.
    present: Option<bool>,
    /// Its number.
    uid: Option<u32>,
    /// Its primary group, by name; the number as text for a group that has no name.
    group: Option<String>,
    /// Its supplementary groups: exactly these, in any order. The primary group is not one of them.
    groups: Option<BTreeSet<String>>,
    /// Its home, as its line says.
    home: Option<String>,
    /// What a login starts, as its line says, such as "/usr/sbin/nologin".
    shell: Option<String>,
    /// The comment (GECOS field) of its line.
    comment: Option<String>,
    /// Can it be entered with a password: "set", "locked" (no password fits), or "none" (no password is asked for). Reads
    /// `/etc/shadow`, which the host's `[observe]` has to open.
    password: Option<Password>,
    /// `true`: no other account has its number, and with it its rights.
    sole_uid: Option<bool>,
    /// "files" (the host's own `/etc/passwd`), or "nss" (the name service of the running system). Default: "files".
    source: Option<Source>,
    /// For a name with `*`: all accounts that it may match.
    only: Option<Vec<String>>,
}

/// What was seen.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Seen {
    /// No account has the name.
    Absent,
    /// Its account.
    One(Box<One>),
    /// All accounts that the pattern matches.
    Matched(BTreeMap<String, Option<String>>),
}

/// One account.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct One {
    uid: u32,
    group: Result<String, Unknown>,
    groups: Result<BTreeSet<String>, Unknown>,
    home: Result<String, Unknown>,
    shell: Result<String, Unknown>,
    comment: Result<String, Unknown>,
    /// The other accounts of its number.
    same_uid: Result<Vec<String>, Unknown>,
    /// Asked only where the table says something about it.
    password: Option<Result<Password, Unknown>>,
    /// The lines that name it again.
    again: Vec<u64>,
}

impl User {
    fn present(&self) -> bool {
        self.present != Some(false)
    }

    /// The keys about the one account of the name.
    fn of_one(&self) -> [(&'static str, bool); 8] {
        [
            ("uid", self.uid.is_some()),
            ("group", self.group.is_some()),
            ("groups", self.groups.is_some()),
            ("home", self.home.is_some()),
            ("shell", self.shell.is_some()),
            ("comment", self.comment.is_some()),
            ("password", self.password.is_some()),
            ("sole_uid", self.sole_uid.is_some()),
        ]
    }

    fn compare(&self, one: &One, found: &mut Comparison) {
        found.expect("uid", self.uid.as_ref(), &one.uid);
        found.expect_told("group", self.group.as_ref(), &one.group);
        let listed = |groups: &BTreeSet<String>| groups.iter().cloned().collect::<Vec<_>>();
        let groups = one.groups.as_ref().map(listed).map_err(Clone::clone);
        found.expect_told("groups", self.groups.as_ref().map(listed).as_ref(), &groups);
        found.expect_told("home", self.home.as_ref(), &one.home);
        found.expect_told("shell", self.shell.as_ref(), &one.shell);
        found.expect_told("comment", self.comment.as_ref(), &one.comment);
        let password = one.password.clone().unwrap_or_else(|| Err(super::metadata::not_asked()));
        found.expect_told("password", self.password.as_ref(), &password);
        match (&one.same_uid, self.sole_uid) {
            (_, None) => {}
            (Ok(others), Some(sole)) if sole == others.is_empty() => {}
            (Ok(others), Some(sole)) => {
                let is = if others.is_empty() { "no other".into() } else { others.join(", ") };
                found.differences.push(Difference::new("sole_uid", sole, is));
            }
            (Err(unknown), Some(_)) => found.blind("sole_uid", unknown.clone()),
        }
        if !one.again.is_empty() {
            let is = account::lines(&one.again);
            found.differences.push(Difference::new("line", "one line", is));
        }
    }
}

impl Kind for User {
    const NAME: &'static str = "user";
    const ABOUT: &'static str = "an account: number, groups, home, shell; which accounts there are";
    const DOC: &'static str = "\
The key is the name of an account. It is looked up in the host's own `/etc/passwd` and `/etc/group`, as the C library does:
the first line of a name wins, comments and the order of lines mean nothing. A second line of the same name is a difference
of `line`, because not every program heeds the first. A line that cannot be read, or that brings in others from a name
service (`+`), makes unknown whoever may be meant by it.

`sole_uid = true` says that no other account has the number: `[user.root]` with it finds a second superuser.

`password` reads `/etc/shadow`, and only where `[observe]` of the host's configuration opens that file; many deny it. Of
what stands there nothing but the word is kept. \"locked\" is a field with `!` or `*` in front, and one that is no hash: keys
and other ways to log in are not closed by it.

A name with `*` matches accounts, and `only` lists all that may be there: `[user.\"*\"]` closes the list of accounts. It
compares names; give an account a table of its own beside it for the rest.

Accounts that only a directory service has (see `/etc/nsswitch.conf`) stand in none of these files. `source = \"nss\"` asks the
name service of the running system (`getent`). Somebody whom it does not know is unknown, because a directory that is down
looks the same; and it cannot list everybody, nor tell whether there is a password. So `present = false`, patterns, `password`
and `sole_uid` do not go with it.";
    const EXAMPLE: &'static str = r#"
[user.cutter]
uid = 1002
group = "cutter"
groups = ["incomex"]
home = "/var/lib/cutter"
shell = "/usr/sbin/nologin"

[user.root]
sole_uid = true

[user."*admin*"]
only = []
"#;
    const ADOPT: Option<Adoption> = Some(Adoption {
        flag: "user",
        value: "PATTERN",
        help: "Accounts whose name the pattern matches, and that there are no others",
        all: Some("*"),
    });
    type Observed = Seen;

    fn prepare(&mut self, name: &str, _files: &dyn Files, problems: &mut Vec<Problem>) {
        let of_files =
            [("password", self.password.is_some()), ("sole_uid", self.sole_uid.is_some())];
        account::check(name, self.source, self.present(), &of_files, problems);
        let mut of_one = self.of_one().to_vec();
        if !self.present() {
            for (key, _) in of_one.iter().filter(|(_, set)| *set) {
                let message = format!("`present = false` leaves nobody who could have `{key}`");
                problems.push(Problem::key(key, Code::Contradiction, message));
            }
        }
        of_one.push(("present", self.present.is_some()));
        closed::check(name, self.only.as_ref(), &of_one, problems);
    }

    fn question(&self, name: &str) -> Value {
        let all = is_pattern(name);
        json!({
            "source": self.source.unwrap_or_default(),
            "password": !all && self.password.is_some(),
        })
    }

    async fn observe_all(world: &World, wanted: &[Named<Self>]) -> Answers<Seen> {
        let questions = wanted
            .iter()
            .map(|n| look::Question {
                name: n.name.clone(),
                source: n.spec.source.unwrap_or_default(),
                password: n.spec.password.is_some(),
            })
            .collect();
        let deadline = world.deadline;
        match world.ask(move |host| Ok(look::all(host, questions, deadline))).await {
            Ok(answers) => answers,
            Err(unknown) => super::answer_all(wanted, &unknown),
        }
    }

    async fn adopt(world: &World, asked: &str) -> Result<Adopted, Unknown> {
        let asked = asked.to_owned();
        world.ask(move |host| adopted(look::files(host, &asked)?, &asked)).await
    }

    fn diff(&self, name: &str, observed: &Seen) -> Comparison {
        let mut found = Comparison::by(Evidence::Parsed);
        match observed {
            Seen::Matched(seen) => {
                closed::compare(self.only.as_deref().unwrap_or_default(), seen, &mut found);
            }
            _ if is_pattern(name) => found.blind("only", super::metadata::not_asked()),
            Seen::Absent => {
                found.seen = Some("absent".to_owned());
                if self.present() {
                    found.differences.push(Difference::new("presence", "present", "absent"));
                }
            }
            Seen::One(one) => {
                found.seen = Some(one.brief());
                if self.present() {
                    self.compare(one, &mut found);
                } else {
                    found.differences.push(Difference::new("presence", "absent", "present"));
                }
            }
        }
        found
    }
}

impl One {
    fn brief(&self) -> String {
        let told = |field: &Result<String, Unknown>| {
            field.as_ref().map_or_else(|_| "?".to_owned(), |text| one_line(text, 32))
        };
        format!("uid {}, group {}, {}", self.uid, told(&self.group), told(&self.shell))
    }

    fn draft(self, name: &str) -> Draft {
        let told = |field: Result<String, Unknown>| field.map_or(Value::Null, Value::from);
        let sole = self.same_uid.is_ok_and(|others| others.is_empty());
        Draft::new(name)
            .set("uid", self.uid)
            .set("group", told(self.group))
            .set("groups", self.groups.map_or(Value::Null, |groups| groups.into_iter().collect()))
            .set("home", told(self.home))
            .set("shell", told(self.shell))
            .set("sole_uid", if self.uid == 0 && sole { Value::Bool(true) } else { Value::Null })
    }
}

/// One table for each, and one for the list where a pattern was asked for.
fn adopted(seen: Vec<(String, Seen)>, asked: &str) -> Result<Adopted, Unknown> {
    let mut adopted = Adopted::default();
    if is_pattern(asked) {
        let names: Vec<&str> = seen.iter().map(|(name, _)| name.as_str()).collect();
        adopted.drafts.push(Draft::new(asked).set("only", names));
    }
    for (name, seen) in seen {
        match seen {
            Seen::One(one) => adopted.drafts.push(one.draft(&name)),
            Seen::Absent | Seen::Matched(_) => {
                let detail = format!("no account is called `{}`", escape(asked));
                return Err(Unknown::new(Reason::NotSupported, detail));
            }
        }
    }
    Ok(adopted)
}

#[cfg(test)]
mod tests;
