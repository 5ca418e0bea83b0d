//! `[listener."tcp/0.0.0.0:5432"]`: what waits for connections on this machine, who holds it, and that nothing else does.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Adopted, Adoption, Answers, Draft, Files, Kind, Named, Problem, closed, presence};
use crate::model::display::{escape, one_line};
use crate::model::{Code, Comparison, Difference, Evidence, Reason, Unknown};
use crate::probe::World;
use crate::probe::host::Host;
use crate::probe::kernel::sockets::{self, Family, Holder, Listener as Socket, Table};

/// The table of a listener, or of a pattern over their names.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Listener {
    /// `false`: nothing listens under this name. Default: true.
    #[serde(default = "super::presence::yes")]
    present: bool,
    /// Who holds it: the short name of the process (`comm`), or the absolute path of its program.
    process: Option<String>,
    /// The user who made the socket, for TCP and UDP. A server that gives up rights later shows the user that it had then.
    user: Option<String>,
    /// The systemd unit that holds it, such as "ssh.service".
    unit: Option<String>,
    /// For a name with a `*`: all listeners that it matches, and no others. `[]`: none.
    only: Option<Vec<String>>,
}

/// What was seen under one name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Seen {
    user: Option<Result<String, Unknown>>,
    holders: Result<Vec<Held>, Unknown>,
    /// For people: `pid 812 python3, cutter-agent.service`. Never compared.
    about: String,
}

/// One of those who hold it, without the number that changes with every start.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Held {
    process: String,
    exe: Result<Option<String>, Unknown>,
    unit: Option<String>,
}

impl Kind for Listener {
    const NAME: &'static str = "listener";
    const ABOUT: &'static str =
        "a socket that waits for connections: presence, process, user, unit; or all of them";
    const DOC: &'static str = include_str!("listener.md");
    const EXAMPLE: &'static str = r#"
[listener."tcp/127.0.0.1:5432"]
process = "postgres"
unit = "postgresql@16-main.service"

[listener."tcp/*"]
only = ["tcp/0.0.0.0:22", "tcp/[::]:22", "tcp/127.0.0.1:5432"]
"#;
    const ADOPT: Option<Adoption> = Some(Adoption {
        flag: "listener",
        value: "PATTERN",
        help: "Everything that listens under a name such as `tcp/*`, as the one list of what may",
        all: Some("*"),
    });
    /// One for each name: none or one for a plain name, all for a pattern.
    type Observed = BTreeMap<String, Seen>;

    fn prepare(&mut self, name: &str, _files: &dyn Files, problems: &mut Vec<Problem>) {
        let of_one = [
            ("process", self.process.is_some()),
            ("user", self.user.is_some()),
            ("unit", self.unit.is_some()),
        ];
        presence::check(self.present, &of_one, problems);
        let absent = [("present", !self.present)];
        closed::check(name, self.only.as_ref(), &[&of_one[..], &absent].concat(), problems);
        let listed = self.only.iter().flatten();
        for name in listed.map(String::as_str).chain((!closed::is_pattern(name)).then_some(name)) {
            check_name(name, problems);
        }
        check_pattern(name, problems);
        if self.user.is_some() && name.starts_with(Family::Unix.prefix()) {
            let message = "the kernel tells no user of a unix socket";
            let problem = Problem::key("user", Code::Unsupported, message);
            problems.push(problem.hint("ask for the owner of its `[file]`"));
        }
    }

    async fn observe_all(world: &World, wanted: &[Named<Self>]) -> Answers<Self::Observed> {
        match world.ask(look).await {
            Err(unknown) => super::answer_all(wanted, &unknown),
            Ok(tables) => {
                wanted.iter().map(|n| (n.name.clone(), select(&tables, &n.name))).collect()
            }
        }
    }

    async fn adopt(world: &World, asked: &str) -> Result<Adopted, Unknown> {
        let mut problems = Vec::new();
        if closed::is_pattern(asked) {
            check_pattern(asked, &mut problems);
        } else {
            check_name(asked, &mut problems);
        }
        if let Some(Problem { message, hint, .. }) = problems.pop() {
            let detail = format!("{message}; {}", hint.unwrap_or_default());
            return Err(Unknown::new(Reason::NotSupported, detail));
        }
        let tables = world.ask(look).await?;
        let seen = select(&tables, asked)?;
        let lines: Vec<String> =
            seen.iter().map(|(name, seen)| format!("{}: {}", escape(name), brief(seen))).collect();
        let mut adopted = Adopted::default();
        if closed::is_pattern(asked) {
            let names: Vec<&String> = seen.keys().collect();
            let draft = Draft::new(asked).set("only", serde_json::json!(names));
            adopted.drafts.push(if lines.is_empty() {
                draft
            } else {
                draft.comment(lines.join("\n"))
            });
        } else {
            let draft = Draft::new(asked);
            adopted.drafts.push(match seen.get(asked) {
                None => draft.set("present", false),
                Some(Seen { holders: Ok(holders), .. }) => {
                    let one = holders.iter().all(|h| *h == holders[0]);
                    let held = holders.first().filter(|_| one);
                    let draft = draft.set("process", held.map(|held| held.process.clone()));
                    draft.set("unit", held.and_then(|held| held.unit.clone()))
                }
                Some(_) => draft,
            });
        }
        Ok(adopted)
    }

    fn diff(&self, name: &str, observed: &Self::Observed) -> Comparison {
        let mut found = Comparison::by(Evidence::Parsed);
        if let Some(only) = &self.only {
            let seen = observed.iter().map(|(name, seen)| (name.clone(), Some(seen.about.clone())));
            closed::compare(only, &seen.collect(), &mut found);
            return found;
        }
        let seen = observed.get(name);
        if !presence::compare(self.present, seen.is_some(), &mut found) {
            if let (Some(seen), false) = (seen, self.present) {
                found.seen = Some(seen.about.clone());
            }
            return found;
        }
        if let Some(seen) = seen {
            self.compare(seen, &mut found);
            found.seen = Some(brief(seen));
        }
        found
    }
}

impl Listener {
    fn compare(&self, seen: &Seen, found: &mut Comparison) {
        match &seen.user {
            Some(Ok(user)) => found.expect("user", self.user.as_ref(), user),
            Some(Err(unknown)) if self.user.is_some() => found.blind("user", unknown.clone()),
            _ => {}
        }
        let holders = match &seen.holders {
            Ok(holders) => holders,
            Err(unknown) => {
                for (key, wanted) in [("process", &self.process), ("unit", &self.unit)] {
                    if wanted.is_some() {
                        found.blind(key, unknown.clone());
                    }
                }
                return;
            }
        };
        if let Some(wanted) = &self.process {
            compare_process(wanted, holders, found);
        }
        if let Some(wanted) = &self.unit {
            let units: Vec<&str> =
                holders.iter().map(|h| h.unit.as_deref().unwrap_or("no unit")).collect();
            if units.iter().any(|unit| unit != wanted) {
                found.differences.push(Difference::new("unit", wanted.clone(), listed(units)));
            }
        }
    }
}

/// Every holder has to be the wanted one.
fn compare_process(wanted: &str, holders: &[Held], found: &mut Comparison) {
    if !wanted.starts_with('/') {
        let names: Vec<&str> = holders.iter().map(|held| held.process.as_str()).collect();
        if names.iter().any(|name| *name != wanted) {
            found.differences.push(Difference::new("process", wanted, listed(names)));
        }
        return;
    }
    let mut programs = Vec::new();
    for held in holders {
        match &held.exe {
            Ok(exe) => programs.push(exe.as_deref().unwrap_or("no program")),
            Err(unknown) => return found.blind("process", unknown.clone()),
        }
    }
    if programs.iter().any(|program| *program != wanted) {
        found.differences.push(Difference::new("process", wanted, listed(programs)));
    }
}

fn listed(mut names: Vec<&str>) -> String {
    names.sort_unstable();
    names.dedup();
    one_line(&names.join(", "), 200)
}

/// Refuses a name that the kernel's tables could not have, or that they write in another way.
fn check_name(name: &str, problems: &mut Vec<Problem>) {
    let family = Family::ALL.into_iter().find(|family| name.starts_with(family.prefix()));
    let rest = family.and_then(|family| name.strip_prefix(family.prefix()));
    let good = match (family, rest) {
        (Some(Family::Unix), Some(path)) => path.starts_with(['/', '@']) && path.len() > 1,
        (Some(_), Some(address)) => address
            .parse::<std::net::SocketAddr>()
            .is_ok_and(|parsed| parsed.to_string() == address),
        _ => false,
    };
    if !good {
        let message = format!("`{}` is no name of a listener", escape(name));
        let hint = "write `tcp/127.0.0.1:5432`, `udp/[::]:53`, `unix//run/x.sock`, or a pattern such as `tcp/*`; \
                    an address in its shortest form";
        problems.push(Problem::resource(Code::BadName, message).hint(hint));
    }
}

/// A pattern that no listener can have is in sync with `only = []` whatever listens.
fn check_pattern(name: &str, problems: &mut Vec<Problem>) {
    if closed::is_pattern(name) && !Family::ALL.into_iter().any(|family| reaches(name, family)) {
        let message = format!("`{}` matches no name of a listener", escape(name));
        let hint = "names begin with `tcp/`, `udp/` or `unix/`";
        problems.push(Problem::resource(Code::BadName, message).hint(hint));
    }
}

/// Can a name, or what a pattern matches, be of this family?
fn reaches(name: &str, family: Family) -> bool {
    let fixed = name.split('*').next().unwrap_or_default();
    let prefix = family.prefix();
    fixed.starts_with(prefix) || (closed::is_pattern(name) && prefix.starts_with(fixed))
}

type Tables = BTreeMap<Family, Result<BTreeMap<String, Seen>, Unknown>>;

fn look(host: &Host) -> Result<Tables, Unknown> {
    let seen = |table: Table| table.iter().map(|(name, s)| (name.clone(), see(host, s))).collect();
    let tables = sockets::read(host.facts())?;
    Ok(tables.into_iter().map(|(family, table)| (family, table.map(seen))).collect())
}

/// What of the tables a name means. A pattern that may mean several families needs all of them.
fn select(tables: &Tables, name: &str) -> Result<BTreeMap<String, Seen>, Unknown> {
    let mut selected = BTreeMap::new();
    for (family, table) in tables {
        if !reaches(name, *family) {
            continue;
        }
        let table = table.as_ref().map_err(Clone::clone)?;
        let matching = table.iter().filter(|(one, _)| closed::matches(name, one));
        selected.extend(matching.map(|(one, seen)| (one.clone(), seen.clone())));
    }
    Ok(selected)
}

fn see(host: &Host, socket: &Socket) -> Seen {
    let held = |holder: &Holder| Held {
        process: holder.name.clone(),
        exe: match &holder.exe {
            Ok(exe) => Ok(exe.as_ref().map(|exe| exe.path.clone())),
            Err(unknown) => Err(unknown.clone()),
        },
        unit: holder.unit.clone(),
    };
    let user = socket.uid.map(|uid| host.user_name(uid));
    let mut holders = socket.holders.clone();
    // Process 1 opens sockets for units and keeps them; who serves is the other one.
    if let Ok(holders) = &mut holders
        && holders.len() > 1
    {
        holders.remove(&1);
    }
    let about = about(user.as_ref(), &holders);
    let holders = holders.map(|holders| {
        let mut all: Vec<Held> = holders.values().map(held).collect();
        all.sort();
        all.dedup();
        all
    });
    Seen { user, holders, about }
}

fn about(
    user: Option<&Result<String, Unknown>>,
    holders: &Result<BTreeMap<u32, Holder>, Unknown>,
) -> String {
    match holders {
        Ok(holders) => {
            let more = holders.len().saturating_sub(1);
            let first = holders.iter().next().map(|(pid, holder)| {
                let unit = holder.unit.as_ref().map(|unit| format!(", {unit}"));
                format!("pid {pid} {}{}", holder.name, unit.unwrap_or_default())
            });
            let more = if more > 0 { format!(", and {more} more") } else { String::new() };
            format!("{}{more}", first.unwrap_or_default())
        }
        Err(_) => match user {
            Some(Ok(user)) => format!("of user {user} (owner not visible)"),
            _ => "(owner not visible)".to_owned(),
        },
    }
}

fn brief(seen: &Seen) -> String {
    match &seen.holders {
        Err(_) => one_line(&seen.about, 80),
        Ok(holders) => {
            let names = listed(holders.iter().map(|held| held.process.as_str()).collect());
            let unit = holders.iter().find_map(|held| held.unit.as_ref());
            let unit = unit.map(|unit| format!(", {}", one_line(unit, 80)));
            format!("{names}{}", unit.unwrap_or_default())
        }
    }
}

#[cfg(test)]
mod tests;
