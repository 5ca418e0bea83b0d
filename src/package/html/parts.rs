//! The parts of a page: gates, gaps, lines, and what they rest on.

use std::fmt::Write as _;

use super::super::picture::{of_gap, of_held, of_state};
use super::super::value::{Backing, Cite, Gap, Gate, Line, word};
use crate::evidence::{Held, State};
use crate::report::page_text as text;

/// How many things a line rests on are not folded.
const OPEN: usize = 3;
/// The most that are written; `package.json` has all.
const CITES_MAX: usize = 200;

pub(super) fn one_gate(gate: &Gate, level: u8, out: &mut String) {
    let (name, title, class) = (text(&gate.gate), text(&gate.title), of_state(gate.state));
    let _ = writeln!(
        out,
        "<section><h{level}><b class=\"{class}\">{}</b> {name} <span class=\"quiet\">{title}</span></h{level}>",
        gate.state
    );
    if let Some(missing) = &gate.missing {
        let _ = writeln!(out, "<p class=\"next\"><b>missing</b> {}</p>", text(missing));
    }
    if gate.state == State::Blocked {
        let _ = writeln!(
            out,
            "<p class=\"quiet\">Nothing is concluded from what follows: it waits for {}.</p>",
            text(&gate.blocked_by.join(", "))
        );
    }
    backings(&gate.backing, out);
    lines(gate.criteria.iter(), word, out);
    let _ = writeln!(out, "</section>");
}

pub(super) fn one_gap(gap: &Gap, out: &mut String) {
    let aliases = if gap.aliases.is_empty() {
        String::new()
    } else {
        format!(" ({})", gap.aliases.join(", "))
    };
    let _ = writeln!(
        out,
        "<div class=\"line\"><p><b class=\"{} word\">{}</b> {}{}: {}</p>",
        of_gap(gap.state),
        gap.state,
        text(&gap.gap),
        text(&aliases),
        text(&gap.title)
    );
    let missing = ("missing", gap.missing.as_deref());
    let rows = [
        missing,
        ("residue", gap.residue.as_deref()),
        ("next", gap.next.as_deref()),
        ("moves", Some(&*gap.contact)),
    ];
    for (key, value) in rows {
        if let Some(value) = value {
            let _ = writeln!(out, "<p class=\"next\"><b>{key}</b> {}</p>", text(value));
        }
    }
    backings(&gap.backing, out);
    let _ = writeln!(out, "</div>");
}

pub(super) fn lines<'a>(
    lines: impl Iterator<Item = &'a Line>,
    says: fn(Held) -> &'static str,
    out: &mut String,
) {
    for line in lines {
        let (name, class) = (text(&line.name), of_held(line.held));
        let _ = writeln!(
            out,
            "<div class=\"line\"><p><b class=\"{class} word\">{}</b> {name}</p>",
            says(line.held)
        );
        if line.held != Held::Yes {
            let _ = writeln!(out, "<p class=\"next\">{}</p>", text(line.missing()));
        }
        backings(&line.backing, out);
        if !line.parts.is_empty() {
            let _ = writeln!(out, "<ol class=\"parts\">");
            for part in &line.parts {
                let (held, because) = (word(part.held), text(&part.because.join("; ")));
                let class = of_held(part.held);
                let _ = writeln!(
                    out,
                    "<li><b class=\"{class} word\">{held}</b> {} {}<br><span class=\"quiet\">{because}</span></li>",
                    text(&part.name),
                    text(&part.title)
                );
            }
            let _ = writeln!(out, "</ol>");
        }
        let _ = writeln!(out, "</div>");
    }
}

pub(super) fn proven<'a>(proofs: impl Iterator<Item = &'a Line>, out: &mut String) {
    let mut proofs = proofs.peekable();
    if proofs.peek().is_none() {
        let _ = writeln!(out, "<p>nothing</p>");
    }
    lines(proofs, word, out);
}

fn backings(backing: &[Backing], out: &mut String) {
    if backing.is_empty() {
        return;
    }
    let _ = writeln!(out, "<ul class=\"backing\">");
    for one in backing {
        let said = if one.held == Held::Yes {
            one.seen.as_str()
        } else {
            one.missing.as_deref().unwrap_or(&one.seen)
        };
        let (class, held) = (of_held(one.held), word(one.held));
        let _ = write!(
            out,
            "<li><b class=\"{class} word\">{held}</b> <code>{}</code> {}",
            text(&one.requires),
            text(said)
        );
        cites(&one.cites, out);
        let _ = writeln!(out, "</li>");
    }
    let _ = writeln!(out, "</ul>");
}

fn cites(cites: &[Cite], out: &mut String) {
    let item = |cite: &Cite| format!("<code class=\"cite\">{}</code>", text(&cite.to_string()));
    if cites.len() > OPEN {
        let _ = write!(out, "<details><summary>rests on {} things</summary>", cites.len());
    }
    cites.iter().take(CITES_MAX).for_each(|cite| out.push_str(&item(cite)));
    if cites.len() > CITES_MAX {
        let _ = write!(out, "<span class=\"quiet\">… and {} more</span>", cites.len() - CITES_MAX);
    }
    if cites.len() > OPEN {
        out.push_str("</details>");
    }
}
