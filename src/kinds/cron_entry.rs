//! `[cron_entry.NAME]`: an entry of cron with its schedule, user and command, or none; and which entries there are.
//!
//! A command may hold a secret: it is compared by digest, and matched only by the programs and paths that it names.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::closed::{self, is_pattern, matches};
use super::{Adopted, Adoption, Answers, Draft, Files, Kind, Named, Problem, path, presence};
use crate::model::display::{escape, one_line};
use crate::model::{Code, Comparison, Content, Difference, Evidence, Reason, Unknown};
use crate::probe::World;
use crate::probe::cron::schedule::Schedule;
use crate::probe::cron::{Entry, Reader, Source, Table};
use crate::probe::host::Host;

/// The table of an entry.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CronEntry {
    /// The file it stands in, such as "/etc/cron.d/backup" or "/var/spool/cron/crontabs/root".
    file: Option<String>,
    /// Which entry of the file is meant: the one whose command names this program or path. Default: any.
    program: Option<String>,
    /// `false`: there is no such entry, or cron does not heed the file. Default: true.
    #[serde(default = "super::presence::yes")]
    present: bool,
    /// As whom it runs.
    user: Option<String>,
    /// When it runs: five fields, a word such as "@daily", or for a script the period of its folder, such as "daily".
    schedule: Option<String>,
    /// What it runs, as it stands behind the user.
    command: Option<String>,
    /// For a name with a `*`: all entries that it matches, as `FILE USER NAMES`, and no others. `[]`: none.
    only: Option<Vec<String>>,
}

/// What was seen.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Seen {
    /// The file does not exist.
    NoFile,
    /// Everything in the file.
    File(Table),
    /// All entries that the pattern matches.
    Matched {
        entries: BTreeMap<String, Option<String>>,
        /// Files with such entries that cron does not heed, and why.
        ignored: BTreeMap<String, String>,
    },
}

impl CronEntry {
    fn of_one(&self) -> [(&'static str, bool); 6] {
        [
            ("user", self.user.is_some()),
            ("schedule", self.schedule.is_some()),
            ("command", self.command.is_some()),
            ("file", self.file.is_some()),
            ("program", self.program.is_some()),
            ("present", !self.present),
        ]
    }

    fn compare_file(&self, table: &Table, found: &mut Comparison) {
        let means = |entry: &&Entry| {
            self.program.as_ref().is_none_or(|program| entry.names.contains(program))
        };
        let candidates: Vec<&Entry> = table.entries.iter().filter(means).collect();
        if let Some(why) = &table.ignored {
            let why = format!("not heeded by cron: {why}");
            if self.present {
                found.differences.push(Difference::new("presence", "present", why));
            } else {
                found.seen = Some(one_line(&why, 120));
            }
            return;
        }
        match (candidates.as_slice(), self.present) {
            ([], false) => found.seen = Some("absent".to_owned()),
            ([], true) => {
                let is =
                    if table.entries.is_empty() { "no entry" } else { "no entry of that program" };
                found.differences.push(Difference::new("presence", "present", is));
            }
            (some, false) => {
                let is = some.iter().map(|entry| brief(entry)).collect::<Vec<_>>().join("; ");
                found
                    .differences
                    .push(Difference::new("presence", "absent", one_line(&is, 200)).partial());
            }
            (some, true) => self.compare_best(some, found),
        }
    }

    /// Compares with the entry that fits best; the first of those that fit equally well.
    fn compare_best(&self, candidates: &[&Entry], found: &mut Comparison) {
        let compared = candidates.iter().map(|entry| (self.differences(entry), *entry));
        let Some((differences, entry)) = compared.min_by_key(|(differences, _)| differences.len())
        else {
            return;
        };
        found.seen = Some(brief(entry));
        found.differences.extend(differences);
    }

    fn differences(&self, entry: &Entry) -> Vec<Difference> {
        let mut differences = Vec::new();
        if let Some(user) = &self.user
            && *user != entry.user
        {
            differences.push(Difference::new("user", user.clone(), entry.user.clone()));
        }
        if let Some(schedule) = &self.schedule
            && Schedule::parse(schedule) != Schedule::parse(&entry.schedule)
        {
            let (wanted, is) = (schedule.clone(), entry.schedule.clone());
            differences.push(Difference::new("schedule", wanted, is));
        }
        if let Some(command) = &self.command {
            let wanted = Value::from(command.trim());
            differences.extend(entry.command.differs("command", &wanted));
        }
        differences
    }

    fn check_one(&self, problems: &mut Vec<Problem>) {
        match self.file.as_deref() {
            None => {
                let message = "nothing says which file the entry stands in";
                problems.push(Problem::resource(Code::MissingKey, message).hint("add `file`"));
            }
            Some(file) if path::absolute(file).is_ok() && Source::of(file).is_none() => {
                let message = "cron does not look there";
                let hint = "`countersign explain cron_entry` names the places where it looks";
                problems.push(Problem::key("file", Code::WrongType, message).hint(hint));
            }
            Some(file) => path::check_key("file", file, problems),
        }
        if let Some(Err(why)) = self.schedule.as_deref().map(Schedule::parse) {
            problems.push(Problem::key("schedule", Code::WrongType, format!("the schedule {why}")));
        }
        // The other keys say which entry is meant.
        presence::check(self.present, &self.of_one()[..3], problems);
    }
}

impl Kind for CronEntry {
    const NAME: &'static str = "cron_entry";
    const ABOUT: &'static str =
        "an entry of cron: schedule, user, command; which entries there are";
    const DOC: &'static str = include_str!("cron_entry.md");
    const EXAMPLE: &'static str = r#"
[cron_entry.backup]
file = "/etc/cron.d/backup"
program = "/usr/local/bin/backup.sh"
user = "root"
schedule = "15 3 * * *"

[cron_entry."*cutter*"]
only = []
"#;
    const ADOPT: Option<Adoption> = Some(Adoption {
        flag: "cron",
        value: "PATTERN",
        help: "That there are no other entries of cron than those the pattern matches now",
        all: Some("*"),
    });
    type Observed = Seen;

    fn prepare(&mut self, name: &str, _files: &dyn Files, problems: &mut Vec<Problem>) {
        closed::check(name, self.only.as_ref(), &self.of_one(), problems);
        if !is_pattern(name) {
            self.check_one(problems);
        }
    }

    fn question(&self, _name: &str) -> Value {
        json!({ "file": self.file })
    }

    async fn observe_all(world: &World, wanted: &[Named<Self>]) -> Answers<Seen> {
        let asked: Vec<(String, Option<String>)> =
            wanted.iter().map(|named| (named.name.clone(), named.spec.file.clone())).collect();
        match world.ask(move |host| look(host, asked)).await {
            Ok(answers) => answers,
            Err(unknown) => super::answer_all(wanted, &unknown),
        }
    }

    async fn adopt(world: &World, asked: &str) -> Result<Adopted, Unknown> {
        if !is_pattern(asked) {
            let shown = escape(asked);
            let detail = format!("`{shown}` has no `*`: entries are matched whole, as `*{shown}*`");
            return Err(Unknown::new(Reason::NotSupported, detail));
        }
        let asked = asked.to_owned();
        let (pattern, tables) =
            world.ask(move |host| Ok((asked, Reader::new(host)?.all()?))).await?;
        let (entries, ignored) = matched(&pattern, &tables);
        let mut draft = Draft::new(pattern).set("only", entries.into_keys().collect::<Vec<_>>());
        if !ignored.is_empty() {
            let lines = ignored
                .iter()
                .map(|(file, why)| format!("not heeded by cron: {} ({why})", escape(file)));
            draft = draft.comment(lines.collect::<Vec<_>>().join("\n"));
        }
        Ok(Adopted { drafts: vec![draft], unseen: Vec::new() })
    }

    fn diff(&self, name: &str, observed: &Seen) -> Comparison {
        let mut found = Comparison::by(Evidence::Parsed);
        match observed {
            Seen::Matched { entries, ignored } => {
                closed::compare(self.only.as_deref().unwrap_or_default(), entries, &mut found);
                for (file, why) in ignored {
                    let remark = format!("{} is not heeded by cron: {why}", one_line(file, 80));
                    let seen = found.seen.take().unwrap_or_default();
                    found.seen = Some(format!("{seen}; {remark}"));
                }
            }
            _ if is_pattern(name) => found.blind("only", super::not_recorded()),
            Seen::File(table) => self.compare_file(table, &mut found),
            Seen::NoFile if self.present => {
                found.differences.push(Difference::new("file", "present", "absent"));
            }
            Seen::NoFile => found.seen = Some("no file".to_owned()),
        }
        found
    }
}

fn brief(entry: &Entry) -> String {
    let what = match &entry.command {
        Content { shown: Some(Value::String(command)), .. } => one_line(command, 80),
        _ => one_line(&entry.names.join(" "), 80),
    };
    format!("{} {} {what}", one_line(&entry.schedule, 60), one_line(&entry.user, 32))
}

/// Each file is read once; all of them only for a pattern.
fn look(host: &Host, asked: Vec<(String, Option<String>)>) -> Result<Answers<Seen>, Unknown> {
    let reader = Reader::new(host)?;
    let all = asked.iter().any(|(name, _)| is_pattern(name)).then(|| reader.all());
    let answers = asked.into_iter().map(|(name, file)| {
        let seen = match (&all, file) {
            (Some(all), _) if is_pattern(&name) => {
                all.as_ref().map_err(Clone::clone).map(|tables| {
                    let (entries, ignored) = matched(&name, tables);
                    Seen::Matched { entries, ignored }
                })
            }
            (_, file) => {
                let table = reader.table(&file.unwrap_or_default());
                table.map(|table| table.map_or(Seen::NoFile, Seen::File))
            }
        };
        (name, seen)
    });
    Ok(answers.collect())
}

type Matched = (BTreeMap<String, Option<String>>, BTreeMap<String, String>);

/// The entries whose `FILE USER NAMES` the pattern matches, and the files of such that are not heeded.
fn matched(pattern: &str, tables: &[(String, Table)]) -> Matched {
    let (mut entries, mut ignored) = Matched::default();
    for (file, table) in tables {
        let mut any = matches(pattern, file);
        for entry in &table.entries {
            let text = format!("{file} {} {}", entry.user, entry.names.join(" "));
            let text = text.trim_end();
            if !matches(pattern, text) {
                continue;
            }
            any = true;
            if table.ignored.is_some() {
                continue;
            }
            let mut name = text.to_owned();
            for count in 2.. {
                if !entries.contains_key(&name) {
                    break;
                }
                name = format!("{text} ({count})");
            }
            let line = entry.line.map_or_else(String::new, |line| format!(", line {line}"));
            entries.insert(name, Some(format!("runs {}{line}", entry.schedule)));
        }
        if let (true, Some(why)) = (any, &table.ignored) {
            ignored.insert(file.clone(), why.clone());
        }
    }
    (entries, ignored)
}

#[cfg(test)]
mod tests;
