//! `countersign ledger show`: entries for people and for programs.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt::Write as _;
use std::path::Path;

use serde::ser::{Error as _, SerializeSeq as _};
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::super::error::Failure;
use super::super::exit;
use super::super::output::Output;
use crate::ledger::event::TYPES;
use crate::ledger::{Entry, LedgerError, Reader};
use crate::model::display::{escape, one_line};
use crate::model::{Digest, json, nearest};

/// The fewest digits of a digest that choose a plan.
const DIGITS_MIN: usize = 6;
/// How much of a value is shown to people.
const VALUE_WIDTH_MAX: usize = 200;
/// How many digits of a digest are shown.
const DIGITS: usize = 12;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Only what is about this plan: its digest, or at least the first six digits of it
    #[arg(long, value_name = "DIGEST")]
    plan: Option<String>,
    /// Only entries of this type, such as step.intent, or of all that begin with the word before the dot
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    /// Only the last so many of them
    #[arg(long, value_name = "N")]
    last: Option<usize>,
}

/// Which entries are wanted.
struct Wanted {
    plan: Option<String>,
    kind: Option<String>,
}

impl Wanted {
    fn of(asked: &Arguments) -> Result<Self, Failure> {
        let usage = |message: String| Failure::new(exit::USAGE, message);
        let plan = asked.plan.as_deref().map(|plan| plan.strip_prefix("sha256:").unwrap_or(plan));
        if let Some(plan) = plan
            && !((DIGITS_MIN..=64).contains(&plan.len())
                && plan.bytes().all(|byte| byte.is_ascii_hexdigit()))
        {
            let shown = one_line(plan, 80);
            return Err(usage(format!(
                "`{shown}` is no digest, nor its first {DIGITS_MIN} digits"
            )));
        }
        if let Some(kind) = &asked.kind
            && !TYPES.iter().any(|name| is_of(name, kind))
        {
            let failure = usage(format!("there are no entries of type `{}`", one_line(kind, 80)));
            return Err(match nearest(kind, TYPES.iter().copied()) {
                Some(near) => failure.hint(format!("did you mean `{near}`?")),
                None => failure.hint(format!("there are: {}", TYPES.join(", "))),
            });
        }
        Ok(Self { plan: plan.map(str::to_ascii_lowercase), kind: asked.kind.clone() })
    }

    fn takes(&self, entry: &Entry) -> bool {
        let of_plan = self.plan.as_ref().is_none_or(|digits| {
            entry.plan().is_some_and(|plan| plan.to_string().starts_with(digits))
        });
        of_plan && self.kind.as_ref().is_none_or(|kind| is_of(entry.event.type_name(), kind))
    }
}

fn is_of(name: &str, kind: &str) -> bool {
    name == kind || name.split('.').next() == Some(kind)
}

pub(super) fn run(
    asked: &Arguments,
    dir: &Path,
    whole: bool,
    output: &Output,
) -> Result<u8, Failure> {
    let wanted = Wanted::of(asked)?;
    let reader = Reader::open(dir)?;
    let taken =
        reader.entries()?.filter(|entry| entry.as_ref().map_or(true, |entry| wanted.takes(entry)));
    let mut failed = None;
    let written = match asked.last {
        None => write((output, whole), &reader, taken, &mut failed),
        Some(last) => {
            let mut kept = VecDeque::new();
            for entry in taken {
                kept.push_back(Ok(entry?));
                if kept.len() > last {
                    kept.pop_front();
                }
            }
            write((output, whole), &reader, kept.into_iter(), &mut failed)
        }
    };
    match failed {
        Some(error) => Err(Failure::from(error)),
        None => written.map(|()| exit::OK),
    }
}

/// Writes entries as they come: what is shown takes no more memory for being long.
fn write(
    (output, whole): (&Output, bool),
    reader: &Reader,
    entries: impl Iterator<Item = Result<Entry, LedgerError>>,
    failed: &mut Option<LedgerError>,
) -> Result<(), Failure> {
    let mut good = entries.map_while(|entry| match entry {
        Ok(entry) => Some(entry),
        Err(error) => {
            *failed = Some(error);
            None
        }
    });
    output.write(|out| {
        if output.is("json") {
            let document = Document {
                version: 1,
                ledger: reader.key().origin(),
                size: reader.size(),
                entries: Stream(RefCell::new(good)),
            };
            return json::write(out, &document);
        }
        good.try_for_each(|entry| writeln!(out, "{}", line(&entry, whole)))
    })
}

#[derive(Serialize)]
#[serde(bound = "")]
struct Document<'a, I: Iterator<Item = Entry>> {
    version: u32,
    ledger: &'a str,
    size: u64,
    entries: Stream<I>,
}

struct Stream<I>(RefCell<I>);

impl<I: Iterator<Item = Entry>> Serialize for Stream<I> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(None)?;
        for entry in &mut *self.0.borrow_mut() {
            // The very line, and what identifies it.
            let line: Value = serde_json::from_str(&entry.line).map_err(S::Error::custom)?;
            seq.serialize_element(&Shown { leaf: entry.leaf.to_string(), entry: line })?;
        }
        seq.end()
    }
}

#[derive(Serialize)]
struct Shown {
    leaf: String,
    entry: Value,
}

/// One entry on one line: number, time, type, and what its body says. Not `whole`: digests by their first digits, which
/// `--plan` takes as well, and without what is attached.
fn line(entry: &Entry, whole: bool) -> String {
    let mut line = format!(
        "{:>6}  {}  {:<19}",
        entry.seq,
        entry.time.with_milliseconds(),
        entry.event.type_name()
    );
    let body = serde_json::from_str::<Value>(&entry.line).unwrap_or_default()["body"].take();
    for (name, value) in body.as_object().into_iter().flatten() {
        let _ = write!(line, "  {}={}", escape(name), shown(value, whole));
    }
    for one in entry.attachments.iter().filter(|_| whole) {
        let _ = write!(
            line,
            "  [{} sha256:{}, {} bytes]",
            one_line(&one.name, 60),
            one.sha256,
            one.size
        );
    }
    line
}

fn shown(value: &Value, whole: bool) -> String {
    match value {
        Value::String(text) if !whole && text.parse::<Digest>().is_ok() => {
            format!("{}…", &text[..DIGITS])
        }
        Value::String(text) if text.contains([' ', '"', '=']) || text.is_empty() => {
            format!("\"{}\"", one_line(text, VALUE_WIDTH_MAX))
        }
        Value::String(text) => one_line(text, VALUE_WIDTH_MAX),
        Value::Array(values) => {
            values.iter().map(|value| shown(value, whole)).collect::<Vec<_>>().join(",")
        }
        other => one_line(&other.to_string(), VALUE_WIDTH_MAX),
    }
}
