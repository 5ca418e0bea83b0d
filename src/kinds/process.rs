//! `[process.cutter-agent]`: how many of a process run, as whom, with which rights; or everything that a user runs.

mod adopt;
mod seen;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Adopted, Adoption, Answers, Files, Kind, Named, Place, Problem, closed, presence};
use crate::model::display::escape;
use crate::model::{Code, Comparison, Difference, Evidence, Reason, Unknown, nearest};
use crate::probe::World;
use crate::probe::host::Host;
use crate::probe::kernel::capabilities;
use crate::probe::kernel::processes::{self, Process as Running};
use seen::{One, by_user};

/// The kernel cuts the short name of a process here.
const NAME_BYTES_MAX: usize = 15;

/// The table of a process, or of a pattern over `USER/NAME`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Process {
    /// The absolute path of the program that it runs, or of a link to it; for a script that is the interpreter.
    exe: Option<String>,
    /// Its short name (`comm`), at most 15 bytes. Without `exe`, `name` and `command` it is the name of the table.
    name: Option<String>,
    /// The words that its command line begins with, each compared as a whole.
    #[serde(default)]
    command: Vec<String>,
    /// `false`: no such process runs. Default: true, which is at least one.
    #[serde(default = "yes")]
    present: bool,
    /// Exactly so many run.
    count: Option<u64>,
    /// So many run, or more.
    at_least: Option<u64>,
    /// So many run, or fewer.
    at_most: Option<u64>,
    /// The user whose rights each of them has.
    user: Option<String>,
    /// The systemd unit that each of them runs in, such as "cutter-agent.service".
    unit: Option<String>,
    /// `false`: the file of the program is still the one that each was started from. Otherwise it needs a restart.
    deleted_exe: Option<bool>,
    /// The capabilities that each may use, without `CAP_`. An empty list: none.
    capabilities: Option<Vec<String>>,
    /// `true`: each has given up gaining rights by starting programs.
    no_new_privs: Option<bool>,
    /// For a name with a `*`: everything that may run under the names `USER/NAME` that it matches, and has to.
    only: Option<Vec<String>>,
}

fn yes() -> bool {
    true
}

/// What was seen. Never a word of a command line, and no number that changes with every start.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Seen {
    /// For one process.
    Found {
        /// Those that it means, in a stable order.
        processes: Vec<One>,
        /// How many may be meant as well, because they could not be looked into.
        undecided: u64,
        /// Why the first of them could not.
        why: Option<Unknown>,
    },
    /// For a pattern: what runs, each with a few words about it.
    All(BTreeMap<String, String>),
}

impl Kind for Process {
    const NAME: &'static str = "process";
    const ABOUT: &'static str =
        "a process: how many run, user, unit, rights, replaced program; or all of a user's";
    const DOC: &'static str = include_str!("process.md");
    const EXAMPLE: &'static str = r#"
[process.cutter-agent]
exe = "/usr/bin/python3.12"
command = ["python3", "-m", "cutter_agent"]
count = 1
user = "cutter"
unit = "cutter-agent.service"
deleted_exe = false
capabilities = []
no_new_privs = true

[process."cutter/*"]
only = ["cutter/python3"]
"#;
    const ADOPT: Option<Adoption> = Some(Adoption {
        flag: "process",
        value: "NAME|PATTERN",
        help: "a process: user, unit; or with a * all that runs as USER/NAME",
        all: None,
    });
    type Observed = Seen;

    fn prepare(&mut self, name: &str, _files: &dyn Files, problems: &mut Vec<Problem>) {
        let counts = [
            ("count", self.count.is_some()),
            ("at_least", self.at_least.is_some()),
            ("at_most", self.at_most.is_some()),
        ];
        let each = [
            ("user", self.user.is_some()),
            ("unit", self.unit.is_some()),
            ("deleted_exe", self.deleted_exe.is_some()),
            ("capabilities", self.capabilities.is_some()),
            ("no_new_privs", self.no_new_privs.is_some()),
        ];
        presence::check(self.present, &[&counts[..], &each].concat(), problems);
        let selectors = [
            ("exe", self.exe.is_some()),
            ("name", self.name.is_some()),
            ("command", !self.command.is_empty()),
            ("present", !self.present),
        ];
        let of_one = [&selectors[..], &counts, &each].concat();
        closed::check(name, self.only.as_ref(), &of_one, problems);
        self.check_counts(problems);
        self.check_forms(problems);
        if closed::is_pattern(name) {
            return;
        }
        if selectors[..3].iter().all(|(_, set)| !set) {
            if name.len() <= NAME_BYTES_MAX && !name.contains('/') {
                self.name = Some(name.to_owned());
            } else {
                problems.push(Problem {
                    place: Place::Resource,
                    code: Code::BadName,
                    message: format!(
                        "the name cannot be that of a process, which has at most {NAME_BYTES_MAX} bytes"
                    ),
                    hint: Some("say which process it is with `exe`, `name` or `command`".into()),
                    warning: false,
                });
            }
        }
    }

    fn question(&self, _name: &str) -> Value {
        json!({ "exe": self.exe, "name": self.name, "command": self.command })
    }

    async fn observe_all(world: &World, wanted: &[Named<Self>]) -> Answers<Seen> {
        let asked: Vec<(String, Arc<Self>)> =
            wanted.iter().map(|n| (n.name.clone(), Arc::clone(&n.spec))).collect();
        let answers = world.ask(move |host| {
            let commands = asked.iter().any(|(_, spec)| !spec.command.is_empty());
            let all = processes::read(host.facts(), commands)?;
            let answer = |(name, spec): &(String, Arc<Self>)| {
                let seen = match spec.only {
                    Some(_) => by_user(host, &all, name).map(Seen::All),
                    None => Ok(spec.find(host, &all)),
                };
                (name.clone(), seen)
            };
            Ok(asked.iter().map(answer).collect())
        });
        answers.await.unwrap_or_else(|unknown| super::answer_all(wanted, &unknown))
    }

    async fn adopt(world: &World, asked: &str) -> Result<Adopted, Unknown> {
        let asked = asked.to_owned();
        world.ask(move |host| adopt::adopt(host, &asked)).await
    }

    fn diff(&self, _name: &str, observed: &Seen) -> Comparison {
        let mut found = Comparison::by(Evidence::Parsed);
        match (observed, &self.only) {
            (Seen::All(all), Some(only)) => {
                let seen = all.iter().map(|(name, about)| (name.clone(), Some(about.clone())));
                closed::compare(only, &seen.collect(), &mut found);
            }
            (Seen::Found { processes, undecided, why }, None) => {
                found.seen = Some(match processes.len() {
                    0 => "none runs".to_owned(),
                    1 => "1 runs".to_owned(),
                    more => format!("{more} run"),
                });
                self.compare_count(processes.len(), *undecided, why.as_ref(), &mut found);
                if self.present {
                    self.compare_each(processes, &mut found);
                }
            }
            _ => found.blind("presence", super::metadata::not_asked()),
        }
        found
    }
}

impl Process {
    fn check_counts(&self, problems: &mut Vec<Problem>) {
        let range = [("at_least", self.at_least), ("at_most", self.at_most)];
        for (key, _) in range.iter().filter(|(_, set)| set.is_some() && self.count.is_some()) {
            let message = format!("`{key}` cannot stand beside `count`");
            problems.push(Problem::key(key, Code::Contradiction, message));
        }
        if let (Some(least), Some(most)) = (self.at_least, self.at_most)
            && least > most
        {
            let message = "no number is as large as `at_least` and as small as `at_most`";
            problems.push(Problem::key("at_most", Code::Contradiction, message));
        }
    }

    fn check_forms(&self, problems: &mut Vec<Problem>) {
        if let Some(exe) = &self.exe
            && let Err(why) = super::path::absolute(exe)
        {
            let message = format!("it is a path, and it {why}");
            problems.push(Problem::key("exe", Code::WrongType, message));
        }
        if self.name.as_ref().is_some_and(|name| name.len() > NAME_BYTES_MAX || name.is_empty()) {
            let message = format!("the kernel keeps 1 to {NAME_BYTES_MAX} bytes of a name");
            let problem = Problem::key("name", Code::WrongType, message);
            problems
                .push(problem.hint("compare the program with `exe`, or the words of `command`"));
        }
        for name in self.capabilities.iter().flatten().filter(|name| !capabilities::is_name(name)) {
            let message = format!("there is no capability `{}`", escape(name));
            let mut problem = Problem::key("capabilities", Code::Reference, message);
            let plain = name.to_ascii_lowercase();
            let plain = plain.strip_prefix("cap_").unwrap_or(&plain);
            problem.hint = nearest(plain, capabilities::all().iter().copied())
                .map(|known| format!("did you mean `{known}`?"));
            problems.push(problem);
        }
    }

    fn find(&self, host: &Host, all: &[Running]) -> Seen {
        let (mut processes, mut undecided, mut why) = (Vec::new(), 0, None);
        let real = self.exe.as_deref().map_or(Ok(None), |exe| host.facts().follow(exe));
        for running in all {
            match self.means(running, &real) {
                Ok(true) => processes.push(One::of(host, running)),
                Ok(false) => {}
                Err(unknown) => {
                    undecided += 1;
                    why.get_or_insert(unknown);
                }
            }
        }
        processes.sort_by_key(|one| serde_json::to_string(one).unwrap_or_default());
        Seen::Found { processes, undecided, why }
    }

    /// What can be told without rights comes first, so that little is left undecided.
    /// `real` is where `exe` leads: the kernel says `/usr/bin/bash` of what was started as `/bin/bash`.
    fn means(
        &self,
        running: &Running,
        real: &Result<Option<PathBuf>, Unknown>,
    ) -> Result<bool, Unknown> {
        if self.name.as_ref().is_some_and(|name| *name != running.name) {
            return Ok(false);
        }
        if !self.command.is_empty() && !running.runs(&self.command)? {
            return Ok(false);
        }
        let Some(wanted) = &self.exe else { return Ok(true) };
        let exe = running.exe.as_ref().map_err(Clone::clone)?;
        let Some(exe) = exe else { return Ok(false) };
        if exe.path == *wanted {
            return Ok(true);
        }
        let real = real.as_ref().map_err(Clone::clone)?;
        Ok(real.as_ref().and_then(|real| real.to_str()).is_some_and(|real| real == exe.path))
    }

    /// How many may run: from, and up to where there is a limit.
    fn range(&self) -> (u64, Option<u64>) {
        match self.count {
            Some(count) => (count, Some(count)),
            None if !self.present => (0, Some(0)),
            None => (self.at_least.unwrap_or(u64::from(self.at_most.is_none())), self.at_most),
        }
    }

    fn compare_count(
        &self,
        seen: usize,
        undecided: u64,
        why: Option<&Unknown>,
        found: &mut Comparison,
    ) {
        let (from, to) = self.range();
        let least = u64::try_from(seen).unwrap_or(u64::MAX);
        let most = least.saturating_add(undecided);
        let fits = |count| count >= from && to.is_none_or(|to| count <= to);
        if fits(least) && fits(most) {
            return;
        }
        // Whatever the undecided ones are, it is too many or too few.
        if to.is_some_and(|to| least > to) || most < from {
            let (field, wanted) = match (self.count, self.present, to) {
                (Some(count), ..) => ("count", count),
                (None, false, _) => ("count", 0),
                (None, true, Some(to)) if least > to => ("at_most", to),
                _ => ("at_least", from),
            };
            found.differences.push(Difference::new(field, wanted, least));
            return;
        }
        let first = why.map_or_else(String::new, |why| format!("; the first: {}", why.detail));
        let detail =
            format!("{least} are seen, and {undecided} more could not be looked into{first}");
        let reason = why.map_or(Reason::NoAnswer, |why| why.reason);
        found.blind("count", Unknown::new(reason, detail));
    }

    fn compare_each(&self, processes: &[One], found: &mut Comparison) {
        for one in processes {
            match &one.user {
                Ok(user) => expect(found, "user", self.user.as_ref(), user),
                Err(unknown) if self.user.is_some() => blind(found, "user", unknown),
                Err(_) => {}
            }
            let unit = one.unit.clone().unwrap_or_else(|| "no unit".to_owned());
            expect(found, "unit", self.unit.as_ref(), &unit);
            match &one.deleted_exe {
                Ok(Some(deleted)) => {
                    expect(found, "deleted_exe", self.deleted_exe.as_ref(), deleted);
                }
                Err(unknown) if self.deleted_exe.is_some() => blind(found, "deleted_exe", unknown),
                _ => {}
            }
            if let Some(wanted) = &self.capabilities {
                let sorted = |names: &[String]| {
                    let mut names = names.to_vec();
                    names.sort();
                    names.dedup();
                    if names.is_empty() { "none".to_owned() } else { names.join(" ") }
                };
                expect(found, "capabilities", Some(&sorted(wanted)), &sorted(&one.capabilities));
            }
            match (self.no_new_privs, one.no_new_privs) {
                (Some(wanted), Some(is)) => expect(found, "no_new_privs", Some(&wanted), &is),
                (Some(_), None) => {
                    let unknown =
                        Unknown::new(Reason::NotSupported, "this kernel does not tell it");
                    blind(found, "no_new_privs", &unknown);
                }
                (None, _) => {}
            }
        }
    }
}

/// Adds a difference once, however many processes have it.
fn expect<T: PartialEq + Into<Value> + Clone>(
    found: &mut Comparison,
    field: &str,
    wanted: Option<&T>,
    is: &T,
) {
    let before = found.differences.len();
    found.expect(field, wanted, is);
    if found.differences.len() > before {
        let last = found.differences.len() - 1;
        if found.differences[..last].contains(&found.differences[last]) {
            found.differences.truncate(last);
        }
    }
}

fn blind(found: &mut Comparison, field: &str, unknown: &Unknown) {
    if !found.blind.iter().any(|blind| blind.field == field) {
        found.blind(field, unknown.clone());
    }
}

#[cfg(test)]
mod tests;
