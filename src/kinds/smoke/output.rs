//! What is kept of a command's output: numbers under their names, whether lines were there, and, where they may be shown,
//! the last lines. Pure.

use std::collections::BTreeMap;

use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

use crate::model::display::one_line;
use crate::model::{Reason, Unknown};
use crate::probe::runner::confined::TAIL_BYTES_MAX;
use crate::probe::smoke::Ran;

/// How large a compiled expression may be.
const PATTERN_BYTES_MAX: usize = 1 << 20;
const NEST_MAX: u32 = 64;
const PATTERNS_MAX: usize = 16;
/// How much of the output is shown.
const LAST_LINES: usize = 12;
const LINE_CHARS_MAX: usize = 200;

/// Expressions for the beginning of a line; each has a named group at least, and no name stands twice.
#[derive(Debug)]
pub(super) struct Patterns(Vec<Regex>);

/// What is stored.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Printed {
    counts: BTreeMap<String, Result<u64, Unknown>>,
    lines: BTreeMap<String, bool>,
    /// How many bytes were not looked at, because more than the limit came after them.
    pub(super) cut: u64,
    /// The last lines, escaped; none where they may not be shown.
    pub(super) last: Vec<String>,
}

impl Patterns {
    /// Reads expressions.
    ///
    /// # Errors
    /// A fragment that says what is wrong with the first that is none.
    pub(super) fn new(texts: &[String]) -> Result<Self, String> {
        if texts.len() > PATTERNS_MAX {
            return Err(format!("{} expressions, at most {PATTERNS_MAX}", texts.len()));
        }
        let all = Self(texts.iter().map(|text| compile(text)).collect::<Result<_, _>>()?);
        let mut names = all.names();
        names.sort_unstable();
        match names.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(format!("two groups have the name `{}`", pair[0])),
            None => Ok(all),
        }
    }

    /// The names of all groups.
    pub(super) fn names(&self) -> Vec<&str> {
        self.0.iter().flat_map(|regex| regex.capture_names().flatten()).collect()
    }

    /// What the lines say of each name.
    fn count(&self, text: &str) -> BTreeMap<String, Result<u64, Unknown>> {
        let mut found: BTreeMap<String, Result<u64, Unknown>> = BTreeMap::new();
        for line in text.lines() {
            for captured in self.0.iter().filter_map(|regex| Some((regex, regex.captures(line)?))) {
                let (regex, captured) = captured;
                for name in regex.capture_names().flatten() {
                    let Some(digits) = captured.name(name) else { continue };
                    let number = number(name, digits.as_str());
                    let known = found.entry(name.to_owned()).or_insert_with(|| number.clone());
                    if *known != number && known.is_ok() {
                        *known = number.and(Err(Unknown::new(
                            Reason::Undecidable,
                            format!("two lines give different numbers for `{name}`"),
                        )));
                    }
                }
            }
        }
        found
    }
}

fn number(name: &str, digits: &str) -> Result<u64, Unknown> {
    digits.parse().map_err(|_| {
        let detail =
            format!("what the group `{name}` captured is no number from 0 to {}", u64::MAX);
        Unknown::new(Reason::Malformed, detail)
    })
}

fn compile(text: &str) -> Result<Regex, String> {
    // First alone: `a)|(b` is none, though it would be one inside the brackets below.
    build(text)?;
    let regex = build(&format!("^(?:{text})"))?;
    match regex.capture_names().flatten().next() {
        Some(_) => Ok(regex),
        None => {
            Err(format!("`{text}` counts nothing: it has no named group, such as (?<tests>\\d+)"))
        }
    }
}

fn build(text: &str) -> Result<Regex, String> {
    let built = RegexBuilder::new(text).size_limit(PATTERN_BYTES_MAX).nest_limit(NEST_MAX).build();
    built.map_err(|error| match error {
        regex::Error::CompiledTooBig(limit) => {
            format!("`{text}` is larger than {limit} bytes when it is compiled")
        }
        _ => format!("`{text}` is no regular expression"),
    })
}

impl Printed {
    /// Cuts a run down to what is asked and what may be shown.
    pub(super) fn of(ran: &Ran, counts: &[String], lines: &[String]) -> Self {
        let text = String::from_utf8_lossy(&ran.ended.tail);
        // The first line of a tail is the rest of one.
        let text = if ran.ended.cut > 0 {
            text.split_once('\n').map_or("", |(_, whole)| whole)
        } else {
            &text
        };
        let patterns = Patterns::new(counts).unwrap_or(Patterns(Vec::new()));
        let there = |line: &String| (line.clone(), text.lines().any(|printed| printed == line));
        let all: Vec<&str> = if ran.shown { text.lines().collect() } else { Vec::new() };
        let last = &all[all.len().saturating_sub(LAST_LINES)..];
        Self {
            counts: patterns.count(text),
            lines: lines.iter().map(there).collect(),
            cut: ran.ended.cut,
            last: last.iter().map(|line| one_line(line, LINE_CHARS_MAX)).collect(),
        }
    }

    /// The number under that name.
    pub(super) fn count(&self, name: &str) -> Result<u64, Unknown> {
        self.counts.get(name).cloned().unwrap_or_else(|| {
            Err(self.not_found(&format!("no line of its output gives a number for `{name}`")))
        })
    }

    /// Was that line printed? Not a `false` of what was not looked at.
    pub(super) fn line(&self, line: &str) -> Result<bool, Unknown> {
        match self.lines.get(line) {
            Some(true) => Ok(true),
            Some(false) if self.cut == 0 => Ok(false),
            _ => Err(self.not_found("the line is not in the end of its output")),
        }
    }

    /// Every number there is.
    pub(super) fn counted(&self) -> BTreeMap<String, u64> {
        let known = |(name, count): (&String, &Result<u64, Unknown>)| {
            Some((name.clone(), *count.as_ref().ok()?))
        };
        self.counts.iter().filter_map(known).collect()
    }

    fn not_found(&self, what: &str) -> Unknown {
        if self.cut == 0 {
            return Unknown::new(Reason::Undecidable, what);
        }
        let limit = TAIL_BYTES_MAX >> 20;
        let detail = format!(
            "{what}; only its last {limit} MiB is kept, {} bytes were not searched",
            self.cut
        );
        Unknown::new(Reason::TooLarge, detail)
    }
}
