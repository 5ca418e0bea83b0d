//! `[constant.NAME]`: one literal in a file - its value, one of several values, or only that it is there.
//!
//! The file is parsed, never executed. Where only presence is asked for, nothing of the value is kept, not even a digest.

mod adopt;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Adopted, Adoption, Answers, Files, Kind, Named, Problem, not_recorded, path};
use crate::model::display::{escape, one_line};
use crate::model::{Code, Comparison, Content, Difference, Evidence, Line, Reason, Unknown};
use crate::probe::World;
use crate::probe::host::{Host, Links};
use crate::probe::literal::{self, Format};

/// No file is read that is larger.
const BYTES_MAX: u64 = 4 << 20;
/// No more of a line or value is shown.
const WIDTH_MAX: usize = 200;
/// How the `toml` crate hands a date over to a type that knows no dates.
const DATETIME: &str = "$__toml_private_datetime";

/// The table of a constant.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Constant {
    /// The file that is read, as an absolute path. At most 4 MiB.
    file: String,
    /// How the file is read: `python`, `toml`, `json`, `yaml`, `ini`, `dotenv` or `regex`.
    format: Format,
    /// What is looked for: a name (python, dotenv), a dotted path (toml, json, yaml), `section.key` (ini), or a regular
    /// expression for one whole line with one group (regex).
    key: String,
    /// The value it must have: text, a number, true or false, or an array or table of those. `1`, `1.0` and `"1"` are
    /// three different values.
    value: Option<Value>,
    /// The values of which it must have one.
    one_of: Option<Vec<Value>>,
    /// Only whether the key is there, or is not; for secrets. The value is neither kept nor shown.
    present: Option<bool>,
    /// Look through symbolic links on the way to the file. Never at its end. Default: false.
    #[serde(default)]
    through_links: bool,
}

/// What was seen.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Seen {
    /// No file stands there.
    NoFile,
    /// The file has no such key.
    NoKey,
    /// The key is there; nobody asked for its value.
    Key {
        /// Its line, from 1.
        line: u64,
    },
    /// The key has this value.
    Value { content: Content, line: Line },
}

impl Kind for Constant {
    const NAME: &'static str = "constant";
    const ABOUT: &'static str = "one literal in a file: its value, or only its presence";
    const DOC: &'static str = include_str!("constant.md");
    const EXAMPLE: &'static str = r#"
[constant.execution-enabled]
file = "/opt/incomex/dot/iu-cutter-v0.6/cutter_agent/orchestrator/__init__.py"
format = "python"
key = "__execution_enabled__"
value = false
"#;
    const ADOPT: Option<Adoption> = Some(Adoption {
        flag: "constant",
        value: "FILE:KEY",
        help: "A literal: its value where it may be shown, else that it is there",
        all: None,
    });
    type Observed = Seen;

    fn prepare(&mut self, _name: &str, _files: &dyn Files, problems: &mut Vec<Problem>) {
        path::check_key("file", &self.file, problems);
        if let Err(why) = literal::check_key(self.format, &self.key) {
            problems.push(Problem::key("key", Code::WrongType, why));
        }
        self.check_expectation(problems);
        for (key, values) in [("value", self.value.as_slice()), ("one_of", self.listed())] {
            for value in values {
                if let Err(why) = comparable(self.format, value) {
                    problems.push(Problem::key(key, Code::WrongType, why));
                }
            }
        }
    }

    fn question(&self, _name: &str) -> Value {
        json!({
            "file": self.file,
            "format": self.format,
            "key": self.key,
            "presence": self.present.is_some(),
            "through_links": self.through_links,
        })
    }

    fn pinned(&self) -> Option<Value> {
        self.value.clone()
    }

    fn lives_in(&self, _name: &str) -> Vec<String> {
        vec![self.file.clone()]
    }

    async fn observe_all(world: &World, wanted: &[Named<Self>]) -> Answers<Seen> {
        let mut by_file: BTreeMap<(&str, bool), Vec<Named<Self>>> = BTreeMap::new();
        for named in wanted {
            let file = (named.spec.file.as_str(), named.spec.through_links);
            by_file.entry(file).or_default().push(named.clone());
        }
        let groups: Vec<(String, Arc<[Named<Self>]>)> = by_file
            .into_values()
            .enumerate()
            .map(|(number, group)| (number.to_string(), group.into()))
            .collect();
        let asked: BTreeMap<_, _> = groups.iter().cloned().collect();
        let mut answers = Answers::new();
        for (number, answer) in world.sweep(groups, |host, _, group| Ok(look(host, group))).await {
            let names = asked.get(&number).into_iter().flat_map(|group| group.iter());
            match answer {
                Ok(seen) => answers.extend(names.map(|n| n.name.clone()).zip(seen)),
                Err(unknown) => {
                    answers.extend(names.map(|n| (n.name.clone(), Err(unknown.clone()))));
                }
            }
        }
        answers
    }

    async fn adopt(world: &World, asked: &str) -> Result<Adopted, Unknown> {
        let asked = asked.to_owned();
        world.ask(move |host| adopt::adopt(host, &asked)).await
    }

    fn diff(&self, _name: &str, observed: &Seen) -> Comparison {
        let mut found = Comparison::by(Evidence::Parsed);
        let wanted = self.present != Some(false);
        match observed {
            Seen::NoFile | Seen::NoKey => {
                let field = if *observed == Seen::NoFile { "file" } else { "key" };
                let (key, file) = (one_line(&self.key, WIDTH_MAX), escape(&self.file));
                found.seen = Some(match observed {
                    Seen::NoFile => format!("no file {file}"),
                    _ => format!("no {key} in {file}"),
                });
                if wanted {
                    found.differences.push(Difference::new(field, "present", "absent"));
                }
            }
            Seen::Key { line } => {
                let line = Line { file: self.file.clone(), number: *line, text: None };
                self.compare_presence(line, &mut found);
                if self.present.is_none() {
                    found.blind("value", not_recorded());
                }
            }
            Seen::Value { line, .. } if self.present.is_some() => {
                self.compare_presence(Line { text: None, ..line.clone() }, &mut found);
            }
            Seen::Value { content, line } => {
                let at = format!("at line {}", line.number);
                let shown = content.shown.as_ref();
                let shown = shown.map(|value| one_line(&value.to_string(), WIDTH_MAX));
                found.seen = Some(shown.map_or(at.clone(), |value| format!("{value} {at}")));
                let difference = self.value_differs(content);
                found.differences.extend(difference.map(|d| d.at(Some(line.clone()))));
            }
        }
        found
    }
}

impl Constant {
    fn listed(&self) -> &[Value] {
        self.one_of.as_deref().unwrap_or_default()
    }

    fn check_expectation(&self, problems: &mut Vec<Problem>) {
        let stated = [
            ("value", self.value.is_some()),
            ("one_of", self.one_of.is_some()),
            ("present", self.present.is_some()),
        ];
        let mut stated = stated.into_iter().filter_map(|(key, is_set)| is_set.then_some(key));
        match (stated.next(), stated.next()) {
            (None, _) => {
                let message = "the table says nothing about the value";
                let hint = "add one of `value`, `one_of` and `present`";
                problems.push(Problem::resource(Code::Empty, message).hint(hint));
            }
            (Some(first), Some(second)) => {
                let message = format!("`{second}` cannot stand beside `{first}`");
                problems.push(Problem::key(second, Code::Contradiction, message));
            }
            (Some(_), None) => {}
        }
        if self.one_of.as_ref().is_some_and(Vec::is_empty) {
            let message = "no value at all would be right";
            problems.push(Problem::key("one_of", Code::Empty, message));
        }
    }

    fn compare_presence(&self, line: Line, found: &mut Comparison) {
        found.seen = Some(format!("present at line {}", line.number));
        if self.present == Some(false) {
            let difference = Difference::new("key", "absent", "present");
            found.differences.push(difference.at(Some(line)));
        }
    }

    fn value_differs(&self, content: &Content) -> Option<Difference> {
        if let Some(value) = &self.value {
            return content.differs("value", value);
        }
        let wanted: Vec<_> = self.listed().iter().map(Content::digest).collect();
        if wanted.contains(&content.sha256) {
            return None;
        }
        if let Some(shown) = &content.shown {
            return Some(Difference::new("value", self.listed().to_vec(), shown.clone()));
        }
        let wanted: Vec<Value> = wanted.iter().map(|digest| format!("{digest:?}").into()).collect();
        Some(Difference::new("value", wanted, format!("{:?}", content.sha256)))
    }
}

/// Can a value of this format ever be equal to this one?
fn comparable(format: Format, value: &Value) -> Result<(), &'static str> {
    if matches!(format, Format::Dotenv | Format::Ini | Format::Regex) && !value.is_string() {
        return Err("values of this format are text: write it between quotes");
    }
    match value {
        // TOML has no null: that is how a number that is not finite arrives.
        Value::Null => Err("a number that is not finite equals nothing"),
        Value::Array(items) => items.iter().try_for_each(|item| comparable(format, item)),
        Value::Object(map) if map.contains_key(DATETIME) => {
            Err("dates and times are compared as text: write it between quotes")
        }
        Value::Object(map) => map.values().try_for_each(|item| comparable(format, item)),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}

/// Reads a file once, and answers for each constant in it, in their order.
fn look(host: &Host, group: &[Named<Constant>]) -> Vec<Result<Seen, Unknown>> {
    let Some(Named { spec: first, .. }) = group.first() else { return Vec::new() };
    let links = Links::through(first.through_links);
    let path = Path::new(&first.file);
    let (text, may_show) = match host.read_to_show(path, links, BYTES_MAX) {
        Ok(Some(read)) => read,
        Ok(None) => return group.iter().map(|_| Ok(Seen::NoFile)).collect(),
        Err(unknown) => return group.iter().map(|_| Err(unknown.clone())).collect(),
    };
    let in_file = |why: Unknown| why.of(escape(&first.file));
    group.iter().map(|named| seen(&named.spec, &text, may_show).map_err(in_file)).collect()
}

fn seen(spec: &Constant, text: &[u8], may_show: bool) -> Result<Seen, Unknown> {
    if spec.format == Format::Regex && !may_show {
        // Whether it matches, and the digest of one captured letter, would tell any text letter by letter.
        let detail = "an expression could spell out what may not be shown; `[observe] show_content` of the host's \
                      configuration has to open the file";
        return Err(Unknown::new(Reason::NotAllowed, detail));
    }
    if spec.present.is_some() {
        let line = literal::locate(spec.format, text, &spec.key)?;
        return Ok(line.map_or(Seen::NoKey, |line| Seen::Key { line }));
    }
    let Some(found) = literal::find(spec.format, text, &spec.key)? else { return Ok(Seen::NoKey) };
    let shown = may_show.then(|| one_line(&found.text, WIDTH_MAX));
    let line = Line { file: spec.file.clone(), number: found.line, text: shown };
    Ok(Seen::Value { content: Content::of(&found.value, may_show), line })
}

#[cfg(test)]
mod tests;
