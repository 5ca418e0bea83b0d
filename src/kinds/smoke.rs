//! `[smoke.NAME]`: a command that the host allows, run confined; its exit code, and numbers and lines that it prints.
//!
//! What may run and how it is confined is decided below [`crate::probe::smoke`]; here it is asked and compared.

mod adopt;
mod output;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::deadline::Deadline;
use super::path::absolute;
use super::{Adopted, Adoption, Answers, Files, Kind, Named, Problem};
use crate::model::{Code, Comparison, Difference, Evidence, Reason, Unknown, nearest};
use crate::probe::smoke::{self, Ran};
use crate::probe::{World, until};
use output::{Patterns, Printed};

const WORDS_MAX: usize = 256;
const LINES_MAX: usize = 32;
/// How long after its deadline a command that is being ended is waited for.
const ENDING: Duration = Duration::from_secs(10);

/// The table of a smoke command.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Smoke {
    /// The program and its arguments, word by word as the host's `[smoke] allow` has them.
    command: Vec<String>,
    /// The folder it runs in: an absolute path.
    directory: String,
    /// Regular expressions for the beginning of a line; their named groups are counts.
    #[serde(default)]
    counts: Vec<String>,
    /// What each count has to be.
    #[serde(default)]
    expect: BTreeMap<String, u64>,
    /// Lines that it has to print, whole and literally.
    #[serde(default)]
    prints: Vec<String>,
    /// The number it has to exit with. Default: 0.
    #[serde(default)]
    exit_code: u8,
    /// How long it may run, such as "5m"; one minute when nothing is said, at most 30.
    #[serde(default)]
    deadline: Deadline<60, 1800>,
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum End {
    Exit(i32),
    Signal(i32),
}

/// What was seen.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Seen {
    end: End,
    #[serde(flatten)]
    printed: Printed,
}

impl Kind for Smoke {
    const NAME: &'static str = "smoke";
    const ABOUT: &'static str =
        "a command that the host allows: exit code, counts and lines of its output";
    const DOC: &'static str = include_str!("smoke.md");
    const EXAMPLE: &'static str = r#"
[smoke.baseline]
command = ["python3", "-m", "unittest", "discover"]
directory = "/opt/incomex/dot/iu-cutter-v0.6"
counts = ['Ran (?<tests>\d+) tests? in ']
expect = { tests = 394 }
prints = ["OK"]
deadline = "5m"
"#;
    const ADOPT: Option<Adoption> = Some(Adoption {
        flag: "smoke",
        value: "DIR",
        help: "each command that the host allows, run in a folder: how it ends",
        all: None,
    });
    type Observed = Seen;

    fn prepare(&mut self, _name: &str, _files: &dyn Files, problems: &mut Vec<Problem>) {
        self.check_command(problems);
        if let Err(why) = absolute(&self.directory) {
            problems.push(Problem::key("directory", Code::BadName, format!("the folder {why}")));
        }
        match Patterns::new(&self.counts) {
            Ok(patterns) => self.check_names(&patterns.names(), problems),
            Err(why) => problems.push(Problem::key("counts", Code::WrongType, why)),
        }
        if self.prints.len() > LINES_MAX {
            let message = format!("{} lines, at most {LINES_MAX}", self.prints.len());
            problems.push(Problem::key("prints", Code::Limit, message));
        }
        if self.prints.iter().any(|line| line.is_empty() || line.contains(['\n', '\r'])) {
            let message = "each is one line, and not an empty one";
            problems.push(Problem::key("prints", Code::WrongType, message));
        }
    }

    fn question(&self, _name: &str) -> Value {
        json!({
            "command": self.command,
            "directory": self.directory,
            "counts": self.counts,
            "prints": self.prints,
        })
    }

    async fn observe_all(world: &World, wanted: &[Named<Self>]) -> Answers<Seen> {
        let give_up = Instant::now() + world.deadline;
        let mut answers = Answers::new();
        // One after another: a machine in production has other things to do.
        for Named { name, spec } in wanted {
            answers.insert(name.clone(), spec.ask(world, give_up).await);
        }
        answers
    }

    async fn adopt(world: &World, asked: &str) -> Result<Adopted, Unknown> {
        adopt::adopt(world, asked).await
    }

    fn diff(&self, _name: &str, observed: &Seen) -> Comparison {
        let mut found = Comparison::by(Evidence::Ran);
        match observed.end {
            End::Exit(code) => found.expect("exit_code", Some(&i32::from(self.exit_code)), &code),
            End::Signal(signal) => {
                let ended = format!("signal {signal}");
                found.differences.push(Difference::new("exit_code", self.exit_code, ended));
            }
        }
        for (name, wanted) in &self.expect {
            let field = format!("counts.{name}");
            match observed.printed.count(name) {
                Ok(count) => found.expect(&field, Some(wanted), &count),
                Err(unknown) => found.blind(field, unknown),
            }
        }
        for line in &self.prints {
            match observed.printed.line(line) {
                Ok(true) => {}
                Ok(false) => {
                    found.differences.push(Difference::new("prints", line.clone(), Value::Null));
                }
                Err(unknown) => found.blind("prints", unknown),
            }
        }
        found.measured = observed.printed.counted();
        found.seen = Some(observed.in_brief());
        if !(found.differences.is_empty() && found.blind.is_empty()) {
            found.output.clone_from(&observed.printed.last);
        }
        found
    }
}

impl Smoke {
    fn check_command(&self, problems: &mut Vec<Problem>) {
        let mut wrong =
            |code, message: &str| {
                problems.push(Problem::key("command", code, message).hint(
                    "a list of words, as in [\"python3\", \"-m\", \"unittest\", \"discover\"]",
                ));
            };
        match self.command.first().map(String::as_str) {
            None | Some("") => wrong(Code::Empty, "there is no program to run"),
            Some(program) if program.contains('/') && absolute(program).is_err() => {
                wrong(Code::BadName, "the program is neither a plain name nor an absolute path");
            }
            Some(_) => {}
        }
        if self.command.iter().any(|word| word.contains('\0')) {
            wrong(Code::WrongType, "a word holds a zero byte");
        }
        if self.command.len() > WORDS_MAX {
            let message =
                format!("the command has {} words, at most {WORDS_MAX}", self.command.len());
            wrong(Code::Limit, &message);
        }
    }

    fn check_names(&self, names: &[&str], problems: &mut Vec<Problem>) {
        for name in self.expect.keys().filter(|name| !names.contains(&name.as_str())) {
            let message = format!("no expression of `counts` has a group `{name}`");
            let problem = Problem::key("expect", Code::Reference, message);
            problems.push(match nearest(name, names.iter().copied()) {
                Some(near) => problem.hint(format!("did you mean `{near}`?")),
                None => problem.hint(format!("name a group in `counts`: (?<{name}>\\d+)")),
            });
        }
    }

    /// Runs the command, on a thread that may wait, until its deadline or that of all commands.
    async fn ask(self: &Arc<Self>, world: &World, give_up: Instant) -> Result<Seen, Unknown> {
        let left = give_up.saturating_duration_since(Instant::now());
        let deadline = self.deadline.0.min(left);
        let (host, policy, spec) = (Arc::clone(&world.host), world.smoke.clone(), Arc::clone(self));
        let running = tokio::task::spawn_blocking(move || {
            smoke::run(&host, &policy, &spec.command, Path::new(&spec.directory), deadline)
                .map(|ran| spec.cut_down(&ran))
        });
        // The runner keeps the deadline itself, and ends what runs. This is for a folder that never answers.
        let running = async {
            running.await.unwrap_or_else(|_| {
                Err(Unknown::new(Reason::NoAnswer, "the run ended without an answer"))
            })
        };
        let seen = until((give_up + ENDING).into(), running).await;
        seen.map_err(|why| if deadline < self.deadline.0 { out_of_time(why) } else { why })
    }

    /// What is kept of a run. Nothing that may not be shown goes any further.
    fn cut_down(&self, ran: &Ran) -> Seen {
        let status = ran.ended.status;
        let end = status.code().map(End::Exit);
        let end = end.unwrap_or_else(|| End::Signal(status.signal().unwrap_or_default()));
        Seen { end, printed: Printed::of(ran, &self.counts, &self.prints) }
    }
}

/// Says whose deadline it was.
fn out_of_time(why: Unknown) -> Unknown {
    if why.reason != Reason::Deadline {
        return why;
    }
    let detail = format!("{}; it had what was left of --deadline for all commands", why.detail);
    Unknown::new(why.reason, detail)
}

impl Seen {
    fn in_brief(&self) -> String {
        let mut brief = match self.end {
            End::Exit(code) => format!("exit {code}"),
            End::Signal(signal) => format!("signal {signal}"),
        };
        for (name, count) in self.printed.counted() {
            let _ = write!(brief, ", {count} {name}");
        }
        if self.printed.cut > 0 {
            brief.push_str(", of the end of its output");
        }
        brief
    }
}

#[cfg(test)]
mod tests;
