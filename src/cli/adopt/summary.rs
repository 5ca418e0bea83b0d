//! What `adopt` says at its end: what was written where, what was left as it was, and what could not be seen.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::path::Path;

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use super::super::{Global, exit};
use super::is_written;
use crate::adopt::{Outcome, Writing};
use crate::drift::Verdict;
use crate::model::display::{escape, one_line, shell_word};
use crate::model::{ResourceName, Unknown, json};

const YELLOW: Style = AnsiColor::Yellow.on_default().bold();
const GREEN: Style = AnsiColor::Green.on_default().bold();
const MAGENTA: Style = AnsiColor::Magenta.on_default().bold();
/// The most lines of one sort that are shown without `-v`.
const LINES_MAX: usize = 12;

/// What there is to say beside the files themselves.
#[derive(Debug)]
pub(super) struct Summary {
    host: String,
    unseen: Vec<Unseen>,
    /// What was asked for, where nothing of it exists.
    nothing: Vec<String>,
    /// What another tool's file says and no table here can.
    left_out: Vec<String>,
    not_in_sync: Vec<NotInSync>,
}

#[derive(Debug, Serialize)]
struct Unseen {
    kind: String,
    asked: String,
    #[serde(flatten)]
    unknown: Unknown,
}

#[derive(Debug, Serialize)]
struct NotInSync {
    resource: ResourceName,
    verdict: Verdict,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<Unknown>,
    left_alone: bool,
}

#[derive(Serialize)]
struct Json<'a> {
    schema: &'static str,
    version: u32,
    host: &'a str,
    /// The folder that was written to; null when nothing was.
    folder: Option<String>,
    files: Vec<&'a str>,
    resources: Vec<JsonResource<'a>>,
    unseen: &'a [Unseen],
    nothing_there: &'a [String],
    left_out: &'a [String],
    not_in_sync: &'a [NotInSync],
}

#[derive(Serialize)]
struct JsonResource<'a> {
    resource: &'a ResourceName,
    outcome: &'static str,
    file: &'a str,
}

const fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Added => "added",
        Outcome::Changed => "changed",
        Outcome::Kept => "kept",
        Outcome::LeftAlone => "left_alone",
    }
}

impl Summary {
    pub(super) fn new(host: &str) -> Self {
        Self {
            host: host.to_owned(),
            unseen: Vec::new(),
            nothing: Vec::new(),
            left_out: Vec::new(),
            not_in_sync: Vec::new(),
        }
    }

    pub(super) fn unseen(&mut self, kind: &str, unseen: Vec<(String, Unknown)>) {
        let of = |(asked, unknown)| Unseen { kind: kind.to_owned(), asked, unknown };
        self.unseen.extend(unseen.into_iter().map(of));
    }

    pub(super) fn nothing(&mut self, kind: &str, asked: &str) {
        self.nothing.push(format!("{kind} {asked}"));
    }

    pub(super) fn left_out(&mut self, lines: &[String]) {
        self.left_out.extend_from_slice(lines);
    }

    pub(super) fn judged(
        &mut self,
        name: &ResourceName,
        verdict: Verdict,
        why: Option<Unknown>,
        writing: &Writing,
    ) {
        if verdict != Verdict::InSync {
            let outcome = writing.outcomes.get(name).map(|(outcome, _)| *outcome);
            let left_alone = outcome == Some(Outcome::LeftAlone);
            self.not_in_sync.push(NotInSync { resource: name.clone(), verdict, why, left_alone });
        }
    }

    /// The exit code: would a check right after be in sync, and was everything seen?
    pub(super) fn exit(&self) -> u8 {
        let unknown = self.not_in_sync.iter().any(|n| n.verdict == Verdict::Unknown);
        if unknown || self.missed() > 0 {
            exit::UNKNOWN
        } else if self.not_in_sync.is_empty() {
            exit::OK
        } else {
            exit::DRIFT
        }
    }

    /// How much of what was asked for is not written down.
    fn missed(&self) -> usize {
        self.unseen.len() + self.nothing.len() + self.left_out.len()
    }

    /// The subject of a commit.
    pub(super) fn subject(&self, writing: &Writing) -> String {
        let written = writing.outcomes.values().filter(|(outcome, _)| is_written(*outcome)).count();
        let noun = if written == 1 { "resource" } else { "resources" };
        let kinds: Vec<&str> = writing.kinds().into_iter().collect();
        format!("{}: adopt {written} {noun} ({})", escape(&self.host), kinds.join(", "))
    }

    pub(super) fn json(
        &self,
        writing: &Writing,
        folder: Option<&Path>,
        out: &mut dyn io::Write,
    ) -> io::Result<()> {
        let resources = writing.outcomes.iter();
        let resources = resources.map(|(resource, (outcome, file))| JsonResource {
            resource,
            outcome: word(*outcome),
            file,
        });
        let json = Json {
            schema: "countersign.adopt",
            version: 1,
            host: &self.host,
            folder: folder.map(|folder| folder.display().to_string()),
            files: writing.files.keys().map(String::as_str).collect(),
            resources: resources.collect(),
            unseen: &self.unseen,
            nothing_there: &self.nothing,
            left_out: &self.left_out,
            not_in_sync: &self.not_in_sync,
        };
        json::write(out, &json)
    }

    pub(super) fn text(&self, writing: &Writing, folder: Option<&Path>, global: &Global) -> String {
        let mut text = String::new();
        files(writing, folder, &mut text);
        let shown = if global.verbose { usize::MAX } else { LINES_MAX };
        let unseen = self.unseen.iter().map(|u| {
            let detail = one_line(&u.unknown.detail, 200);
            format!("{} {}: {}: {detail}", u.kind, one_line(&u.asked, 80), u.unknown.reason)
        });
        let nothing = self.nothing.iter().map(|what| format!("{}: nothing is there", escape(what)));
        lines(&mut text, "not seen", unseen.chain(nothing).collect(), shown);
        let left_out = self.left_out.iter().map(|line| escape(line).into_owned()).collect();
        lines(&mut text, "left out", left_out, shown);
        let (left, others): (Vec<_>, Vec<_>) = self.not_in_sync.iter().partition(|n| n.left_alone);
        let name = |n: &&NotInSync| {
            let file = writing.outcomes.get(&n.resource).map_or("", |(_, file)| file.as_str());
            format!("{} in {file}", escape(&n.resource.to_string()))
        };
        lines(&mut text, "differs, left alone", left.iter().map(name).collect(), shown);
        let why = |n: &&NotInSync| match &n.why {
            Some(why) => {
                format!("{}: {}", escape(&n.resource.to_string()), one_line(&why.to_string(), 200))
            }
            None => format!("{}: it changed meanwhile", escape(&n.resource.to_string())),
        };
        lines(&mut text, "not in sync", others.iter().map(why).collect(), shown);
        self.last(writing, folder, global, &mut text);
        text
    }

    fn last(&self, writing: &Writing, folder: Option<&Path>, global: &Global, text: &mut String) {
        let total = writing.outcomes.len();
        let noun = if total == 1 { "resource" } else { "resources" };
        let host = escape(&self.host);
        let missed = self.missed();
        let things = if missed == 1 { "thing" } else { "things" };
        let _ = match self.exit() {
            exit::OK if folder.is_none() => {
                writeln!(
                    text,
                    "{GREEN}OK{GREEN:#}  {host}: {total} {noun} to write down; -o DIR does"
                )
            }
            exit::OK => writeln!(text, "{GREEN}OK{GREEN:#}  {host}: {total} {noun} written down"),
            _ if total == 0 => writeln!(
                text,
                "{YELLOW}INCOMPLETE{YELLOW:#}  {host}: no resource written down, {missed} {things} could not be",
            ),
            _ => writeln!(
                text,
                "{YELLOW}INCOMPLETE{YELLOW:#}  {host}: {total} {noun} written down, {} not in sync, {missed} {things} not seen or left out",
                self.not_in_sync.len(),
            ),
        };
        if let Some(folder) = folder.filter(|_| total > 0 && !writing.files.is_empty()) {
            let folder = shell_word(&folder.display().to_string());
            let same = global.same_host();
            let _ = writeln!(text, "read it, then: countersign check --desired {folder}{same}");
        }
    }
}

/// A line for each file.
fn files(writing: &Writing, folder: Option<&Path>, text: &mut String) {
    let mut of_file: BTreeMap<&str, BTreeMap<Outcome, usize>> = BTreeMap::new();
    for (outcome, file) in writing.outcomes.values() {
        *of_file.entry(file).or_default().entry(*outcome).or_default() += 1;
    }
    for file in writing.files.keys() {
        of_file.entry(file).or_default();
    }
    let width = of_file.keys().map(|file| file.len()).max().unwrap_or(0);
    for (file, outcomes) in of_file {
        let counts: Vec<String> = outcomes
            .iter()
            .map(|(outcome, count)| format!("{count} {}", word(*outcome).replace('_', " ")))
            .collect();
        let verb = match (writing.files.contains_key(file), folder) {
            (true, Some(_)) => "wrote",
            (true, None) => "would write",
            (false, _) => "unchanged",
        };
        let line = format!("{verb:<11} {file:width$}  {}", counts.join(", "));
        let _ = writeln!(text, "{}", line.trim_end());
    }
}

fn lines(text: &mut String, title: &str, lines: Vec<String>, shown: usize) {
    let more = lines.len().saturating_sub(shown);
    for line in lines.into_iter().take(shown) {
        let _ = writeln!(text, "{MAGENTA}{title}{MAGENTA:#}  {line}");
    }
    if more > 0 {
        let _ = writeln!(text, "{MAGENTA}{title}{MAGENTA:#}  … {more} more (-v shows all)");
    }
}
