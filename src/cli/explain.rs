//! `countersign explain`: a page for every kind and every code, made from what the program itself parses.

mod gates;
mod sections;

use std::io::{self, Write};

use serde_json::Value;

use super::error::Failure;
use super::exit;
use super::output::Output;
use super::page::{beside, fill, lay_out};
use crate::approval::{RULES, WORDS, Word};
use crate::desired::Common;
use crate::kinds::{self, Entry, KINDS};
use crate::model::display::escape;
use crate::model::{CODES, REASONS, nearest};
use gates::{GATES, Gate};
use sections::{SECTIONS, Section};

/// Explain a kind of resource, a section, the code of a finding, a reason for Unknown, a refusal, or an exit code
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Such as `directory`, `waiver`, `CS0012`, `not_allowed`, `stale_plan` or an exit code; without it, all are listed
    #[arg(value_name = "KIND|SECTION|CODE|REASON|WORD|EXIT")]
    subject: Option<String>,
}

pub(super) fn run(arguments: &Arguments, output: &Output) -> Result<u8, Failure> {
    match &arguments.subject {
        None => output.write(list)?,
        Some(subject) => {
            let page = page(subject).ok_or_else(|| unknown(subject))?;
            output.write(|out| page(out))?;
        }
    }
    Ok(exit::OK)
}

type Page = Box<dyn Fn(&mut dyn Write) -> io::Result<()>>;

fn page(subject: &str) -> Option<Page> {
    let named = |name: String| name.eq_ignore_ascii_case(subject);
    if let Some(kind) = kinds::kind(subject) {
        return Some(Box::new(move |out| kind_page(kind, out)));
    }
    if let Some(code) = CODES.iter().find(|code| named(code.to_string())) {
        return Some(Box::new(|out| short_page(&code.to_string(), code.title(), code.page(), out)));
    }
    if let Some(reason) = REASONS.iter().find(|reason| named(reason.to_string())) {
        let name = reason.to_string();
        return Some(Box::new(move |out| short_page(&name, reason.title(), reason.page(), out)));
    }
    if let Some(word) = WORDS.iter().find(|word| named(word.code().to_owned())) {
        return Some(Box::new(|out| word_page(*word, out)));
    }
    if let Some(gate) = GATES.iter().find(|gate| named(gate.word.to_owned())) {
        return Some(Box::new(|out| gate_page(gate, out)));
    }
    if let Some((code, meaning)) = exit::MEANINGS.iter().find(|(code, _)| named(code.to_string())) {
        let text = "Where several hold, the first of 9, 8, 7, 6, 5, 1, 4, 2, 3, 0. What led to it stands on standard error.";
        return Some(Box::new(move |out| {
            short_page(&format!("exit code {code}"), meaning, text, out)
        }));
    }
    let section = SECTIONS.iter().find(|section| section.name == subject)?;
    Some(Box::new(|out| section_page(section, out)))
}

fn unknown(subject: &str) -> Failure {
    let mut known: Vec<String> = CODES.iter().map(ToString::to_string).collect();
    known.extend(REASONS.iter().map(ToString::to_string));
    known.extend(WORDS.iter().map(|word| word.code().to_owned()));
    known.extend(GATES.iter().map(|gate| gate.word.to_owned()));
    known.extend(KINDS.iter().map(|kind| kind.name().to_owned()));
    known.extend(SECTIONS.iter().map(|section| section.name.to_owned()));
    let shown = escape(subject);
    let failure = Failure::new(exit::USAGE, format!("there is no page about `{shown}`"));
    match nearest(subject, known.iter().map(String::as_str)) {
        Some(name) => failure.hint(format!("did you mean `{name}`?")),
        None => failure.hint("`countersign explain` lists all"),
    }
}

fn list(out: &mut dyn Write) -> io::Result<()> {
    let bold = anstyle::Style::new().bold();
    writeln!(out, "{bold}Kinds of resources{bold:#}  countersign explain KIND\n")?;
    let width = KINDS.iter().map(|kind| kind.name().len()).max().unwrap_or(0);
    for kind in KINDS {
        writeln!(out, "  {:width$}  {}", kind.name(), kind.about())?;
    }
    writeln!(
        out,
        "\n{bold}Other sections of desired state{bold:#}  countersign explain SECTION\n"
    )?;
    for section in SECTIONS {
        writeln!(out, "  {:width$}  {}", section.name, section.about)?;
    }
    writeln!(out, "\n{bold}Codes of findings{bold:#}  countersign explain CODE\n")?;
    for code in CODES {
        writeln!(out, "  {code}  {}", code.title())?;
    }
    writeln!(out, "\n{bold}Reasons for Unknown{bold:#}  countersign explain REASON\n")?;
    let width = REASONS.iter().map(|reason| reason.to_string().len()).max().unwrap_or(0);
    for reason in REASONS {
        writeln!(out, "  {:width$}  {}", reason.to_string(), reason.title())?;
    }
    writeln!(out, "\n{bold}Refusals of approvals{bold:#}  countersign explain WORD\n")?;
    let width = WORDS.iter().map(|word| word.code().len()).max().unwrap_or(0);
    for word in WORDS {
        writeln!(out, "  {:width$}  {}", word.code(), word.title())?;
    }
    writeln!(out, "\n{bold}Other refusals of apply and prove{bold:#}  countersign explain WORD\n")?;
    let width = GATES.iter().map(|gate| gate.word.len()).max().unwrap_or(0);
    for gate in GATES {
        writeln!(out, "  {:width$}  {}", gate.word, gate.title)?;
    }
    writeln!(
        out,
        "\n{bold}Exit codes{bold:#}, the first that holds  countersign explain NUMBER\n"
    )?;
    for (code, meaning) in exit::MEANINGS {
        writeln!(out, "  {code:>2}  {meaning}")?;
    }
    Ok(())
}

fn short_page(name: &str, title: &str, text: &str, out: &mut dyn Write) -> io::Result<()> {
    let bold = anstyle::Style::new().bold();
    writeln!(out, "{bold}{name}{bold:#}  {title}\n\n{}", fill(text, "  "))
}

/// What a refusal means, which rule makes it, and what to do about it.
fn word_page(word: Word, out: &mut dyn Write) -> io::Result<()> {
    let rule = RULES.iter().find(|rule| rule.words.contains(&word)).map_or("", |rule| rule.about);
    let (code, exit) = (word.code(), word.exit());
    let text = format!(
        "The rule: {rule}. A run that ends with it ends with {exit}. {}.",
        capital(word.hint())
    );
    short_page(code, word.title(), &text, out)
}

/// What a gate that did not open means, and what to do about it.
fn gate_page(gate: &Gate, out: &mut dyn Write) -> io::Result<()> {
    let text = format!("A run that ends with it ends with {}. {}.", gate.exit, capital(gate.hint));
    short_page(gate.word, gate.title, &text, out)
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

fn section_page(section: &Section, out: &mut dyn Write) -> io::Result<()> {
    let bold = anstyle::Style::new().bold();
    writeln!(
        out,
        "{bold}{}{bold:#}  {}\n\n{}\n",
        section.name,
        section.about,
        fill(section.doc, "")
    )?;
    if let Some(schema) = (section.schema)() {
        writeln!(out, "{bold}Keys{bold:#}\n")?;
        keys(&schema, out)?;
        writeln!(out)?;
    }
    writeln!(out, "{bold}Example{bold:#}\n\n{}", section.example)
}

fn kind_page(kind: &Entry, out: &mut dyn Write) -> io::Result<()> {
    let bold = anstyle::Style::new().bold();
    writeln!(out, "{bold}{}{bold:#}  {}\n", kind.name(), kind.about())?;
    writeln!(out, "{}\n", lay_out(kind.doc()))?;
    writeln!(out, "{bold}Keys{bold:#}\n")?;
    keys(&kind.schema(), out)?;
    writeln!(out, "\n{bold}Keys of every resource{bold:#}\n")?;
    keys(&schemars::schema_for!(Common), out)?;
    writeln!(out, "\n{bold}Example{bold:#}\n\n{}", kind.example().trim())
}

fn keys(schema: &schemars::Schema, out: &mut dyn Write) -> io::Result<()> {
    let empty = serde_json::Map::new();
    let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&empty);
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let width = properties.keys().map(String::len).max().unwrap_or(0);
    let is_required = |name: &str| required.contains(&name);
    let mut properties: Vec<_> = properties.iter().collect();
    properties.sort_by_key(|(name, _)| !is_required(name));
    for (name, property) in properties {
        let text = property.get("description").and_then(Value::as_str).unwrap_or("");
        let mark = if is_required(name) { " (required)" } else { "" };
        writeln!(out, "{}", beside(name, width, &format!("{text}{mark}")))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn everything_that_is_listed_has_a_page() {
        let mut listed = Vec::new();
        list(&mut listed).expect("memory takes it");
        let listed = String::from_utf8(listed).expect("text");
        let names = listed.lines().filter_map(|line| line.strip_prefix("  ")?.split("  ").next());
        let is_word = |name: &&str| !name.is_empty() && name.parse::<u8>().is_err();
        let names: Vec<&str> = names.filter(is_word).collect();
        let words = REASONS.len() + WORDS.len() + GATES.len();
        let many = KINDS.len() + SECTIONS.len() + CODES.len() + words;
        let once: BTreeSet<String> = REASONS
            .iter()
            .map(ToString::to_string)
            .chain(WORDS.iter().map(|word| word.code().to_owned()))
            .chain(GATES.iter().map(|gate| gate.word.to_owned()))
            .collect();
        assert_eq!(once.len(), words, "one name, one page");
        for name in KINDS.iter().map(Entry::name).chain(SECTIONS.iter().map(|one| one.name)) {
            assert!(!once.contains(name), "{name}");
        }
        assert!(exit::MEANINGS.iter().all(|(code, _)| page(&code.to_string()).is_some()));
        assert_eq!(names.iter().filter(|name| page(name).is_some()).count(), many);
        assert!(page("nothing of the kind").is_none());
    }

    #[test]
    fn the_examples_of_sections_are_toml_of_that_section() {
        for section in SECTIONS {
            let parsed: toml::Table = section.example.parse().expect(section.name);
            assert_eq!(parsed.keys().collect::<Vec<_>>(), [section.name]);
        }
    }
}
