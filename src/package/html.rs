//! Documents, and the whole of a package, as pages that need nothing else: no network, no script. Whatever was observed is written
//! as text, and the page's own policy forbids the browser to run or to fetch anything.

mod parts;

use std::fmt::Write as _;

use super::files::View;
use super::markdown::commit;
use super::picture::{self, of_held, of_state};
use super::value::{Gap, Package, deed, word};
use super::{line, piece};
use crate::evidence::Openness;
use crate::report::{PAGE_STYLE, Report, page_article, page_text as text};
use parts::{lines, one_gap, one_gate, proven};

const STYLE: &str = include_str!("html/style.css");

/// One document.
pub(super) fn document(view: &View<'_>) -> String {
    let header = &view.package.header;
    let title = format!("{} {}: {}", view.document.name, view.result(), header.host);
    let mut out = begin(&title);
    let _ =
        writeln!(out, "<header>\n<p class=\"brand\">countersign report {}</p>", text(&header.id));
    let (name, about) = (text(&view.document.name), text(&view.document.title));
    let _ = writeln!(out, "<h1>{name} <span class=\"quiet\">{about}</span></h1>");
    about_document(view, &mut out);
    let _ = writeln!(out, "</header>\n<main>");
    body(view, 2, &mut out);
    if view.last {
        sections(view.package, &mut out);
    }
    end(view.package, out)
}

/// All of it: the final document, and after it every other.
pub(super) fn whole(package: &Package, report: &Report) -> String {
    let (header, outcome) = (&package.header, &package.outcome);
    let title = format!("{}: {} {}", outcome.token, header.id, header.host);
    let mut out = begin(&title);
    let class = if outcome.ready { "in_sync" } else { "drift" };
    let _ =
        writeln!(out, "<header>\n<p class=\"brand\">countersign report {}</p>", text(&header.id));
    let _ = writeln!(out, "<h1><b class=\"{class}\">{}</b></h1>", text(&outcome.token));
    let _ = writeln!(out, "<p class=\"lead\">{}</p>", text(&header.title));
    out.push_str(&picture::summary(package));
    let _ = writeln!(out, "<p class=\"said\">{}</p>", text(&super::summary(package)));
    about(package, &mut out);
    let _ = writeln!(out, "</header>\n<main>");
    sections(package, &mut out);
    let _ = writeln!(out, "<section>\n<h2>Documents</h2>");
    let last = package.documents.len().saturating_sub(1);
    for (at, document) in package.documents.iter().enumerate().filter(|(at, _)| *at != last) {
        let view = View { package, report, document, last: at == last };
        let (name, about, result) =
            (text(&document.name), text(&document.title), text(&view.result()));
        let _ = writeln!(
            out,
            "<details id=\"{name}\"><summary><b>{name}</b> {about} <span class=\"tag\">{result}</span></summary>"
        );
        body(&view, 3, &mut out);
        let _ = writeln!(out, "</details>");
    }
    let _ = writeln!(out, "</section>");
    end(package, out)
}

fn begin(title: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"referrer\" content=\"no-referrer\">\n\
         <title>{} - countersign</title>\n<style>\n{PAGE_STYLE}{STYLE}</style>\n</head>\n<body>\n",
        text(title)
    )
}

fn end(package: &Package, mut out: String) -> String {
    let (at, program) = (package.header.date_utc, text(&package.header.program));
    let _ = writeln!(
        out,
        "</main>\n<footer>observed {at}, made by countersign {program}; verify it with <code>countersign report verify</code></footer>\n</body>\n</html>"
    );
    out
}

fn about_document(view: &View<'_>, out: &mut String) {
    let header = &view.package.header;
    let gates = if view.document.gates.is_empty() {
        "none".to_owned()
    } else {
        view.document.gates.join(", ")
    };
    let _ = writeln!(out, "<dl class=\"about\">");
    for (key, value) in [
        ("report", header.id.clone()),
        ("date_utc", header.date_utc.to_string()),
        ("host", header.host.clone()),
        ("commit", commit(view.package)),
        ("gate covered", gates),
        ("result", view.result()),
    ] {
        let _ = writeln!(out, "<dt>{key}</dt><dd>{}</dd>", text(&value));
    }
    let _ = writeln!(out, "</dl>");
    notes(view.package, out);
}

fn about(package: &Package, out: &mut String) {
    let header = &package.header;
    let _ = writeln!(out, "<dl class=\"about\">");
    let gates: Vec<&str> = package.gates.iter().map(|gate| gate.gate.as_str()).collect();
    for (key, value) in [
        ("report", header.id.clone()),
        ("date_utc", header.date_utc.to_string()),
        ("host", header.host.clone()),
        ("commit", commit(package)),
        ("gates covered", gates.join(", ")),
    ] {
        let _ = writeln!(out, "<dt>{key}</dt><dd>{}</dd>", text(&value));
    }
    let _ = writeln!(out, "</dl>");
    notes(package, out);
}

fn notes(package: &Package, out: &mut String) {
    let notes = super::notes(package);
    if notes.is_empty() {
        return;
    }
    let _ = writeln!(out, "<ul class=\"notes\">");
    for note in &notes {
        line(out, format_args!("<li>{}</li>", text(note)));
    }
    let _ = writeln!(out, "</ul>");
}

/// What a document shows besides its head. `level`: of its headings.
fn body(view: &View<'_>, level: u8, out: &mut String) {
    view.gates().for_each(|gate| one_gate(gate, level, out));
    if !view.last && !view.document.proofs.is_empty() {
        let _ = writeln!(out, "<section><h{level}>What was proven</h{level}>");
        proven(view.document.proofs.iter(), out);
        let _ = writeln!(out, "</section>");
    }
    if !view.last && view.gaps().next().is_some() {
        let _ = writeln!(out, "<section><h{level}>Gaps</h{level}>");
        view.gaps().for_each(|gap| one_gap(gap, out));
        let _ = writeln!(out, "</section>");
    }
    resources(view, level, out);
}

fn sections(package: &Package, out: &mut String) {
    let outcome = &package.outcome;
    section(out, "1. Summary", |out| {
        let class = if outcome.ready { "in_sync" } else { "drift" };
        let _ = writeln!(
            out,
            "<p class=\"only\"><b class=\"{class} word\">{}</b></p>",
            text(&outcome.token)
        );
        let _ = writeln!(out, "<p>{}</p>", text(&super::summary(package)));
        if !outcome.blockers.is_empty() {
            let _ = writeln!(out, "<ul class=\"blockers\">");
            for one in &outcome.blockers {
                line(out, format_args!("<li>{}</li>", text(one)));
            }
            let _ = writeln!(out, "</ul>");
        }
    });
    section(out, "2. Gates", |out| gates(package, out));
    section(out, "3. Criteria", |out| lines(package.criteria.iter(), word, out));
    section(out, "4. What was proven", |out| {
        proven(package.documents.iter().flat_map(|one| &one.proofs), out);
    });
    section(out, "5. Honest residue", |out| {
        let left = |gap: &&Gap| gap.state != Openness::Closed || gap.residue.is_some();
        package.gaps.iter().filter(left).for_each(|gap| one_gap(gap, out));
        let counts = package.resources;
        let _ = writeln!(
            out,
            "<p>{} resources are waived, {} explained, {} could not be told.</p>",
            counts.waived, counts.explained, counts.unknown
        );
        history(package, out);
    });
    section(out, "6. Non-mutation, as measured", |out| {
        let held = package.non_mutation.held;
        let _ = writeln!(
            out,
            "<p class=\"only\"><b class=\"{} word\">{}</b></p>\n<ul>",
            of_held(held),
            word(held)
        );
        for line in super::measured::told(&package.non_mutation) {
            let _ = writeln!(out, "<li>{}</li>", text(&line));
        }
        let _ = writeln!(out, "</ul>");
    });
    section(out, "7. Forbidden actions", |out| lines(package.forbidden.iter(), deed, out));
    section(out, "8. Next", |out| {
        let _ = writeln!(out, "<ol>");
        for one in &package.next {
            line(out, format_args!("<li>{}</li>", text(one)));
        }
        let _ = writeln!(out, "</ol>");
    });
    section(out, "9. STOP", |out| line(out, format_args!("<p>{}</p>", super::STOP)));
}

fn section(out: &mut String, title: &str, write: impl FnOnce(&mut String)) {
    let _ = writeln!(out, "<section>\n<h2>{title}</h2>");
    write(out);
    let _ = writeln!(out, "</section>");
}

fn gates(package: &Package, out: &mut String) {
    let _ = writeln!(
        out,
        "<table class=\"roll\"><thead><tr><th scope=\"col\">gate</th><th scope=\"col\">state</th><th scope=\"col\">what</th></tr></thead><tbody>"
    );
    for gate in &package.gates {
        let missing = gate
            .missing
            .as_deref()
            .map(|why| format!("<br><span class=\"quiet\">{}</span>", text(why)));
        let _ = writeln!(
            out,
            "<tr><th scope=\"row\">{}</th><td><b class=\"{} word\">{}</b></td><td>{}{}</td></tr>",
            text(&gate.gate),
            of_state(gate.state),
            gate.state,
            text(&gate.title),
            missing.unwrap_or_default()
        );
    }
    let _ = writeln!(out, "</tbody></table>");
}

/// The resources that a document shows: those that are not as wanted whole, the others in a table.
fn resources(view: &View<'_>, level: u8, out: &mut String) {
    let resources = &view.document.resources;
    if resources.is_empty() {
        return;
    }
    let _ = writeln!(out, "<section><h{level}>Resources</h{level}>");
    for one in resources.iter().filter(|one| one.verdict != "in_sync") {
        let found = view.report.resources.iter().find(|r| r.resource.to_string() == one.resource);
        let mut article = Vec::new();
        // Into memory: it cannot fail.
        if let Some(found) = found
            && page_article(found, &mut article).is_ok()
        {
            out.push_str(&String::from_utf8_lossy(&article));
        }
        for cite in &one.cites {
            line(out, format_args!("<code class=\"cite\">{}</code>", text(&cite.to_string())));
        }
    }
    let same: Vec<_> = resources.iter().filter(|one| one.verdict == "in_sync").collect();
    if !same.is_empty() {
        let _ = writeln!(
            out,
            "<details><summary>{} in sync</summary>\n<table class=\"sync\"><thead><tr><th scope=\"col\">resource</th><th scope=\"col\">seen</th></tr></thead><tbody>",
            same.len()
        );
        for one in same {
            let mut cites = String::new();
            for cite in &one.cites {
                piece(
                    &mut cites,
                    format_args!("<code class=\"cite\">{}</code>", text(&cite.to_string())),
                );
            }
            let _ = writeln!(
                out,
                "<tr><th scope=\"row\">{}</th><td>{}{cites}</td></tr>",
                text(&one.resource),
                text(&one.seen)
            );
        }
        let _ = writeln!(out, "</tbody></table></details>");
    }
    let _ = writeln!(out, "</section>");
}

/// How it came to be as it is: two pictures, each with its table.
fn history(package: &Package, out: &mut String) {
    let (history, now) = (&package.history, package.header.date_utc);
    let mut table = |title: &str, columns: [&str; 3], picture: String, rows: Vec<[String; 3]>| {
        if rows.is_empty() {
            return;
        }
        let _ = writeln!(
            out,
            "<h3>{title}</h3>\n{picture}<details><summary>the same as a table</summary>\n<table class=\"sync\"><thead><tr>"
        );
        for name in columns {
            piece(out, format_args!("<th scope=\"col\">{name}</th>"));
        }
        let _ = writeln!(out, "</tr></thead><tbody>");
        for [first, second, third] in rows {
            let _ = writeln!(
                out,
                "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td></tr>",
                text(&first),
                text(&second),
                text(&third)
            );
        }
        let _ = writeln!(out, "</tbody></table></details>");
    };
    let levels = history
        .drift
        .iter()
        .map(|one| [one.at.to_string(), one.drift.to_string(), one.unknown.to_string()]);
    table(
        "Drift over time",
        ["from", "differ", "cannot be told"],
        picture::drift(history, now),
        levels.collect(),
    );
    let changes = history.gaps.iter().map(|one| {
        [one.at.to_string(), one.gap.clone(), format!("{} (entry {})", one.state, one.entry)]
    });
    table(
        "States of gaps over time",
        ["from", "gap", "state"],
        picture::gaps(history, now),
        changes.collect(),
    );
}
