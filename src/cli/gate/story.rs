//! Gates, told to people.

use std::io::{self, Write};

use super::Found;
use crate::evidence::{Backing, GateResult, Held, State};
use crate::model::display::{escape, escaped_line};

const CHARS_MAX: usize = 160;

pub(super) fn tell(
    found: &Found<'_>,
    (quiet, whole): (bool, bool),
    out: &mut dyn Write,
) -> io::Result<()> {
    if !quiet {
        found.head.tell(out)?;
        found.gates.iter().try_for_each(|gate| tell_one(gate, whole, out))?;
        writeln!(out)?;
    }
    writeln!(out, "{}", escape(&found.summary.to_string()))
}

fn tell_one(gate: &GateResult, whole: bool, out: &mut dyn Write) -> io::Result<()> {
    let (name, title) = (escape(&gate.gate), escape(&gate.title));
    writeln!(out, "{:<8} {name}  {title}", gate.state)?;
    if let Some(missing) = &gate.missing {
        writeln!(out, "         missing  {}", escaped_line(missing, CHARS_MAX))?;
    }
    // Of a blocked gate nothing is concluded, so what was seen says little.
    if gate.state == State::Blocked && !whole {
        return Ok(());
    }
    gate.backing.iter().try_for_each(|one| backing(one, whole, out))?;
    for criterion in &gate.criteria {
        writeln!(out, "         {:<8} {}", word(criterion.held), escape(&criterion.name))?;
        if whole {
            criterion.backing.iter().try_for_each(|one| backing(one, whole, out))?;
        }
    }
    Ok(())
}

/// What one requirement came to.
pub(in super::super) fn backing(one: &Backing, whole: bool, out: &mut dyn Write) -> io::Result<()> {
    let seen = match one.seen.as_str() {
        "" => String::new(),
        seen => format!("  {}", escaped_line(seen, CHARS_MAX)),
    };
    writeln!(out, "         {:<8} {}{seen}", word(one.held), escape(&one.requires))?;
    if whole {
        for evidence in &one.evidence {
            writeln!(out, "                  {}", escaped_line(evidence, CHARS_MAX))?;
        }
    }
    Ok(())
}

const fn word(held: Held) -> &'static str {
    match held {
        Held::Yes => "YES",
        Held::Waived => "WAIVED",
        Held::NotRun => "NOT_RUN",
        Held::Untold => "UNKNOWN",
        Held::No => "NO",
    }
}
