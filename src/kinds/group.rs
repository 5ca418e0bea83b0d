//! `[group.NAME]`: a group with its number and members, or no such group; and which groups there are.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::account::{self, Source};
use super::closed::{self, is_pattern, matches};
use super::{Adopted, Adoption, Answers, Draft, Files, Kind, Named, Problem, presence};
use crate::model::display::escape;
use crate::model::{Comparison, Difference, Evidence, Reason, Unknown};
use crate::probe::World;
use crate::probe::accounts::{self, List, NameService, nss_knows_none};
use crate::probe::host::Host;

/// The table of a group.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Group {
    /// `false`: no group has this name. Default: true.
    #[serde(default = "super::presence::yes")]
    present: bool,
    /// Its number.
    gid: Option<u32>,
    /// The accounts that its line lists: exactly these, in any order. Accounts whose primary group it is are members
    /// without being listed.
    members: Option<BTreeSet<String>>,
    /// "files" (the host's own `/etc/group`), or "nss" (the name service of the running system). Default: "files".
    source: Option<Source>,
    /// For a name with a `*`: all groups that it matches, and no others. `[]`: none.
    only: Option<Vec<String>>,
}

/// What was seen.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Seen {
    /// No group has the name.
    Absent,
    /// Its group.
    One {
        gid: u32,
        members: BTreeSet<String>,
        /// The lines that name it again.
        again: Vec<u64>,
    },
    /// All groups that the pattern matches.
    Matched(BTreeMap<String, Option<String>>),
}

impl Kind for Group {
    const NAME: &'static str = "group";
    const ABOUT: &'static str = "a group: number, members; which groups there are";
    const DOC: &'static str = "\
The key is the name of a group. It is looked up in the host's own `/etc/group`, as the C library does: the first line of a
name wins, comments, the order of lines and the order of members mean nothing. A second line of the same name is a
difference of `line`: members that stand there count for some programs. A line that cannot be read, or that brings in others
from a name service (`+`), makes unknown whatever may be meant by it.

`members` are those that the line lists. Whose primary group it is stands in `/etc/passwd`; see `group` of the kind `user`.

A key with a `*` stands for every group that it matches, and `only` is the whole list of them: `[group.\"*\"]` closes the
list of groups.

Groups that only a directory service has (see `/etc/nsswitch.conf`) do not stand there. `source = \"nss\"` asks the name service
of the running system (`getent`). What it does not know is unknown, because a directory that is down looks the same; and it
cannot list everything. So `present = false` and patterns do not go with it.";
    const EXAMPLE: &'static str = r#"
[group.docker]
members = []

[group.incomex]
gid = 1001
members = ["cutter", "deploy"]
"#;
    const ADOPT: Option<Adoption> = Some(Adoption {
        flag: "group",
        value: "PATTERN",
        help: "Groups whose name the pattern matches, and that there are no others",
        all: Some("*"),
    });
    type Observed = Seen;

    fn prepare(&mut self, name: &str, _files: &dyn Files, problems: &mut Vec<Problem>) {
        account::check(name, self.source, self.present, &[], problems);
        let of_one = [("gid", self.gid.is_some()), ("members", self.members.is_some())];
        presence::check(self.present, &of_one, problems);
        let absent = [("present", !self.present)];
        closed::check(name, self.only.as_ref(), &[&of_one[..], &absent].concat(), problems);
    }

    fn question(&self, _name: &str) -> Value {
        json!({ "source": self.source.unwrap_or_default() })
    }

    async fn observe_all(world: &World, wanted: &[Named<Self>]) -> Answers<Seen> {
        let mut names: BTreeMap<Source, Vec<String>> = BTreeMap::new();
        for named in wanted {
            let source = named.spec.source.unwrap_or_default();
            names.entry(source).or_default().push(named.name.clone());
        }
        let deadline = world.deadline;
        let look = move |host: &Host| {
            let mut answers = Answers::new();
            for (source, names) in names {
                let list = read(host, source, &names, deadline);
                answers.extend(names.into_iter().map(|name| {
                    let list = list.as_ref().map_err(Clone::clone);
                    let seen = match list.and_then(|list| seen(list, &name)) {
                        Ok(Seen::Absent) if source == Source::Nss => Err(nss_knows_none(&name)),
                        seen => seen,
                    };
                    (name, seen)
                }));
            }
            Ok(answers)
        };
        match world.ask(look).await {
            Ok(answers) => answers,
            Err(unknown) => super::answer_all(wanted, &unknown),
        }
    }

    async fn adopt(world: &World, asked: &str) -> Result<Adopted, Unknown> {
        let asked = asked.to_owned();
        world.ask(move |host| adopt(&accounts::read_groups(host)?, &asked)).await
    }

    fn diff(&self, name: &str, observed: &Seen) -> Comparison {
        let mut found = Comparison::by(Evidence::Parsed);
        match observed {
            Seen::Matched(seen) => {
                closed::compare(self.only.as_deref().unwrap_or_default(), seen, &mut found);
            }
            _ if is_pattern(name) => found.blind("only", super::not_recorded()),
            Seen::Absent => {
                presence::compare(self.present, false, &mut found);
            }
            Seen::One { gid, members, again } => {
                if !presence::compare(self.present, true, &mut found) {
                    return found;
                }
                found.seen = Some(format!("gid {gid}, {} listed", members.len()));
                found.expect("gid", self.gid.as_ref(), gid);
                let listed =
                    |members: &BTreeSet<String>| members.iter().cloned().collect::<Vec<_>>();
                found.expect(
                    "members",
                    self.members.as_ref().map(listed).as_ref(),
                    &listed(members),
                );
                if !again.is_empty() {
                    let is = account::lines(again);
                    found.differences.push(Difference::new("line", "one line", is));
                }
            }
        }
        found
    }
}

fn read(
    host: &Host,
    source: Source,
    names: &[String],
    deadline: Duration,
) -> Result<List<accounts::Group>, Unknown> {
    match source {
        Source::Files => accounts::read_groups(host),
        Source::Nss => NameService::of(host, deadline)?.groups(names),
    }
}

fn seen(list: &List<accounts::Group>, name: &str) -> Result<Seen, Unknown> {
    if is_pattern(name) {
        let mut matched = BTreeMap::new();
        for group in list.whole()?.iter().filter(|group| matches(name, &group.name)) {
            let about = match group.members.as_slice() {
                [] => format!("gid {}, no members listed", group.gid),
                members => format!("gid {}: {}", group.gid, members.join(", ")),
            };
            matched.entry(group.name.clone()).or_insert(Some(about));
        }
        return Ok(Seen::Matched(matched));
    }
    Ok(list.named(name)?.map_or(Seen::Absent, |group| Seen::One {
        gid: group.gid,
        members: group.members.iter().cloned().collect(),
        again: list.again(name),
    }))
}

/// One table for each, and one for the list where a pattern was asked for.
fn adopt(list: &List<accounts::Group>, asked: &str) -> Result<Adopted, Unknown> {
    let mut adopted = Adopted::default();
    let mut names = BTreeSet::from([asked.to_owned()]);
    if is_pattern(asked) {
        let all = list.whole()?.iter().map(|group| group.name.clone());
        names = all.filter(|name| matches(asked, name)).collect();
        adopted
            .drafts
            .push(Draft::new(asked).set("only", names.iter().cloned().collect::<Vec<_>>()));
    }
    for name in names {
        let Some(group) = list.named(&name)? else {
            let detail = format!("no group is called `{}`", escape(&name));
            return Err(Unknown::new(Reason::NotSupported, detail));
        };
        let members: BTreeSet<String> = group.members.iter().cloned().collect();
        let members = members.into_iter().collect::<Vec<_>>();
        adopted.drafts.push(Draft::new(name).set("gid", group.gid).set("members", members));
    }
    Ok(adopted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::test_world::{self, Root, check};

    fn root() -> Root {
        let root = Root::new();
        root.file("etc/group", b"# g\nroot:x:0:\ndocker:x:999:zoe,anna,anna\n  staff:x:50\n");
        root
    }

    #[test]
    fn a_group_is_compared_by_its_line() {
        let root = root();
        let cases: &[(&str, &str, &[&str])] = &[
            ("docker", "gid = 999\nmembers = ['anna', 'zoe']", &[]),
            ("docker", "members = []", &["members [] [\"anna\",\"zoe\"]"]),
            ("docker", "gid = 5", &["gid 5 999"]),
            ("docker", "present = false", &["presence \"absent\" \"present\""]),
            ("staff", "gid = 50\nmembers = []", &[]),
            ("wheel", "", &["presence \"present\" \"absent\""]),
            ("wheel", "present = false", &[]),
            ("*o*", "only = ['docker', 'root']", &[]),
            (
                "*",
                "only = ['root', 'staff', 'sudo']",
                &["docker null \"gid 999: zoe, anna, anna\"", "sudo \"present\" null"],
            ),
            ("docker", "source = 'nss'", &["blind not_supported"]),
        ];
        for (name, toml, expected) in cases {
            check::<Group>(&root, name, toml, expected);
        }
        root.file("etc/group", b"docker:x:1:\nbroken\ndocker:x:1:ops\n");
        let again = "line \"one line\" \"named again in line 3, which nobody heeds\"";
        check::<Group>(&root, "docker", "members = []", &[again]);
        check::<Group>(&root, "wheel", "present = false", &["blind malformed"]);
        check::<Group>(&root, "*", "only = ['docker']", &["blind malformed"]);
    }

    #[test]
    fn keys_that_exclude_each_other_are_refused() {
        for (name, toml, code) in [
            ("a,b", "", "CS0012"),
            ("a", "present = false\ngid = 1", "CS0008"),
            ("a*", "only = []\nmembers = []", "CS0008"),
            ("a", "source = 'nss'\npresent = false", "CS0008"),
        ] {
            let problems = test_world::prepare::<Group>(name, toml).1;
            let codes: Vec<_> = problems.iter().map(|p| p.code.to_string()).collect();
            assert_eq!(codes, [code], "{name} {toml}");
        }
    }

    #[test]
    fn what_is_adopted_is_in_sync() {
        let root = root();
        let list = accounts::read_groups(&root.world().host).expect("read");
        for draft in adopt(&list, "*").expect("whole").drafts {
            let table: serde_json::Map<String, Value> =
                draft.keys.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
            check::<Group>(&root, &draft.name, &toml::to_string(&table).expect("TOML"), &[]);
        }
        assert!(adopt(&list, "wheel").is_err());
    }
}
