//! `countersign explain`: a page for every kind and every code, made from what the program itself parses.

use std::io::{self, Write};

use serde_json::Value;

use super::error::Failure;
use super::exit;
use super::output::Output;
use crate::desired::Common;
use crate::kinds::{self, Entry, KINDS};
use crate::model::{CODES, Code, nearest};

/// Explain a kind of resource, or the code of a finding
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// A kind such as `directory`, or a code such as CS0012; without it, both are listed
    #[arg(value_name = "KIND|CODE")]
    subject: Option<String>,
}

pub(super) fn run(arguments: &Arguments, output: &Output) -> Result<u8, Failure> {
    match &arguments.subject {
        None => output.write(list)?,
        Some(subject) => {
            let code = CODES.iter().find(|code| code.to_string().eq_ignore_ascii_case(subject));
            match (kinds::kind(subject), code) {
                (Some(kind), _) => output.write(|out| kind_page(kind, out))?,
                (None, Some(code)) => output.write(|out| code_page(*code, out))?,
                (None, None) => return Err(unknown(subject)),
            }
        }
    }
    Ok(exit::OK)
}

fn unknown(subject: &str) -> Failure {
    let mut known: Vec<String> = CODES.iter().map(ToString::to_string).collect();
    known.extend(KINDS.iter().map(|kind| kind.name().to_owned()));
    let failure = Failure::new(exit::USAGE, format!("`{subject}` is neither a kind nor a code"));
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
    writeln!(out, "\n{bold}Codes of findings{bold:#}  countersign explain CODE\n")?;
    for code in CODES {
        writeln!(out, "  {code}  {}", code.title())?;
    }
    writeln!(out, "\n{bold}Exit codes{bold:#}\n")?;
    for (code, meaning) in exit::MEANINGS {
        writeln!(out, "  {code:>2}  {meaning}")?;
    }
    Ok(())
}

fn code_page(code: Code, out: &mut dyn Write) -> io::Result<()> {
    let bold = anstyle::Style::new().bold();
    writeln!(out, "{bold}{code}{bold:#}  {}\n\n{}", code.title(), wrap(code.page(), "  "))
}

fn kind_page(kind: &Entry, out: &mut dyn Write) -> io::Result<()> {
    let bold = anstyle::Style::new().bold();
    writeln!(out, "{bold}{}{bold:#}  {}\n", kind.name(), kind.about())?;
    writeln!(out, "{}\n", kind.doc().trim())?;
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
    for (name, property) in properties {
        let text = property.get("description").and_then(Value::as_str).unwrap_or("");
        let mark = if required.contains(&name.as_str()) { " (required)" } else { "" };
        let indent = " ".repeat(width + 4);
        let body = wrap(&format!("{}{mark}", text.replace('\n', " ")), &indent);
        writeln!(out, "  {name:width$}  {}", body.trim_start())?;
    }
    Ok(())
}

/// Breaks text into lines of at most 100 characters, each after `indent`.
fn wrap(text: &str, indent: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines.last_mut().filter(|line| indent.len() + line.len() + word.len() < 100);
        match last {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) => {
                line.push(' ');
                line.push_str(word);
            }
            None => lines.push(word.to_owned()),
        }
    }
    lines.iter().map(|line| format!("{indent}{line}")).collect::<Vec<_>>().join("\n")
}
