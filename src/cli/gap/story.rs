//! Gaps, told to people.

use std::io::{self, Write};

use super::super::gate::story;
use super::Found;
use crate::evidence::GapResult;
use crate::model::display::{escape, escaped_line};

const CHARS_MAX: usize = 160;

pub(super) fn list(found: &Found<'_>, out: &mut dyn Write) -> io::Result<()> {
    found.head.tell(out)?;
    for gap in &found.gaps {
        first_line(gap, out)?;
        if let Some(missing) = &gap.missing {
            writeln!(out, "         {}", escaped_line(missing, CHARS_MAX))?;
        }
    }
    let closed = found.gaps.iter().filter(|gap| gap.missing.is_none()).count();
    writeln!(out, "\n{closed} of {} gaps are closed", found.gaps.len())
}

pub(super) fn show(found: &Found<'_>, whole: bool, out: &mut dyn Write) -> io::Result<()> {
    found.head.tell(out)?;
    for gap in &found.gaps {
        first_line(gap, out)?;
        let mut row =
            |key: &str, text: &str| writeln!(out, "  {key:<10}{}", escaped_line(text, usize::MAX));
        if !gap.aliases.is_empty() {
            row("also", &gap.aliases.join(", "))?;
        }
        row("moves", gap.contact.word())?;
        if let Some(missing) = &gap.missing {
            row("missing", missing)?;
        }
        if let Some(residue) = &gap.residue {
            row("residue", residue)?;
        }
        if let Some(next) = &gap.next {
            row("next", next)?;
        }
        if !gap.blocks.is_empty() {
            row("blocks", &gap.blocks.join(", "))?;
        }
        gap.backing.iter().try_for_each(|one| story::backing(one, whole, out))?;
    }
    Ok(())
}

pub(super) fn first_line(gap: &GapResult, out: &mut dyn Write) -> io::Result<()> {
    let (name, title) = (escape(&gap.gap), escape(&gap.title));
    let (holding, total) = (gap.holding, gap.total);
    let untold = if gap.untold { ", not all of it could be told or was run" } else { "" };
    writeln!(out, "{:<8} {name}  {title}  ({holding}/{total}{untold})", gap.state)
}
