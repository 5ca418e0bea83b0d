//! `html`: the report as one file that needs nothing else: no network, no script. What cannot be told and what differs
//! comes first, by who has to move; what is in sync is folded.
//!
//! Whatever was observed is written as text. Should a character ever slip through, the page's own policy still forbids the
//! browser to run or to fetch anything.

mod resource;

use std::io::{self, Write};

use super::groups::{Class, Group, groups};
use super::value::{Report, ResourceReport};
use super::{Detail, wording};
use crate::model::Route;
use crate::model::display::{escape, escaped_line};

/// The style of every page.
pub(crate) const STYLE: &str = include_str!("html/style.css");

pub(super) fn write(report: &Report, _: Detail, out: &mut dyn Write) -> io::Result<()> {
    let (word, host) = (wording::verdict(report.verdict), text(&report.header.host));
    writeln!(out, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">")?;
    writeln!(
        out,
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; \
         base-uri 'none'; form-action 'none'\">"
    )?;
    writeln!(out, "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">")?;
    writeln!(out, "<meta name=\"referrer\" content=\"no-referrer\">")?;
    writeln!(out, "<title>{word}: {host} - countersign</title>\n<style>\n{STYLE}</style>")?;
    writeln!(out, "</head>\n<body>")?;
    header(report, out)?;
    writeln!(out, "<main>")?;
    for group in groups(report) {
        section(&group, out)?;
    }
    writeln!(out, "</main>")?;
    let total = report.summary.total();
    let noun = if total == 1 { "resource" } else { "resources" };
    writeln!(out, "<footer>{total} {noun}, observed {}</footer>", report.header.observed_at)?;
    writeln!(out, "</body>\n</html>")
}

fn header(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let class = match report.verdict {
        crate::drift::Verdict::InSync => Class::InSync,
        crate::drift::Verdict::Pending => Class::Pending,
        crate::drift::Verdict::Drift => Class::Drift(Route::Host),
        crate::drift::Verdict::Unknown => Class::Unknown,
    };
    let (word, host) = (wording::verdict(report.verdict), text(&report.header.host));
    writeln!(out, "<header>\n<p class=\"brand\">countersign check</p>")?;
    writeln!(out, "<h1><b class=\"{}\">{word}</b> {host}</h1>", class.label())?;
    writeln!(out, "<p class=\"lead\">{}</p>", text(&wording::summary(report)))?;
    bar(report, out)?;
    about(report, out)?;
    let notes = wording::notes(report);
    if !notes.is_empty() {
        writeln!(out, "<ul class=\"notes\">")?;
        for note in notes {
            writeln!(out, "<li>{}</li>", text(&note))?;
        }
        writeln!(out, "</ul>")?;
    }
    writeln!(out, "</header>")
}

/// How many of each, those that alarm first.
fn counts(report: &Report) -> [(Class, u64); 6] {
    let of = &report.summary;
    [
        (Class::Unknown, of.unknown),
        (Class::Drift(Route::Host), of.drift),
        (Class::Pending, of.pending),
        (Class::Waived, of.waived),
        (Class::Explained, of.explained),
        (Class::InSync, of.in_sync),
    ]
}

/// The shares of the verdicts as a bar, and as a table for those who cannot see it.
fn bar(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    const WIDTH: u64 = 1000;
    const GAP: u64 = 3;
    const LEAST: u64 = 8;
    let counts = counts(report);
    let shown: Vec<_> = counts.into_iter().filter(|(_, count)| *count > 0).collect();
    let said: Vec<String> =
        shown.iter().map(|(class, count)| format!("{count} {}", name(*class))).collect();
    let (total, parts) = (report.summary.total().max(1), shown.len() as u64);
    // Each part gets the least that can be seen, and the rest is shared by number.
    let rest = WIDTH.saturating_sub(parts.saturating_sub(1) * GAP + parts * LEAST);
    write!(
        out,
        "<svg viewBox=\"0 0 {WIDTH} 12\" preserveAspectRatio=\"none\" role=\"img\" aria-labelledby=\"shares\">\
         <title id=\"shares\">{}</title>",
        said.join(", ")
    )?;
    let mut x = 0;
    for (class, count) in shown {
        let width = LEAST + rest.saturating_mul(count) / total;
        let class = class.label();
        write!(out, "<rect class=\"{class}\" x=\"{x}\" y=\"0\" width=\"{width}\" height=\"12\"/>")?;
        x += width + GAP;
    }
    writeln!(out, "</svg>")?;
    write!(
        out,
        "<table class=\"counts\"><caption class=\"unseen\">Resources by verdict</caption><tr>"
    )?;
    for (class, _) in counts {
        write!(out, "<th scope=\"col\" class=\"{}\">{}</th>", class.label(), name(class))?;
    }
    write!(out, "</tr><tr>")?;
    for (_, count) in counts {
        write!(out, "<td>{count}</td>")?;
    }
    writeln!(out, "</tr></table>")
}

const fn name(class: Class) -> &'static str {
    match class {
        Class::Unknown => "unknown",
        Class::Drift(_) => "drift",
        Class::Pending => "pending",
        Class::Waived => "waived",
        Class::Explained => "explained",
        Class::InSync => "in sync",
    }
}

fn about(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let header = &report.header;
    let commit = match header.commit.as_deref().filter(|_| header.pinned) {
        Some(commit) => format!("<code>{}</code>", text(commit)),
        None => "unpinned".to_owned(),
    };
    writeln!(out, "<dl class=\"about\">\n<dt>desired state</dt><dd>{commit}</dd>")?;
    writeln!(out, "<dt>from</dt><dd>{}</dd>", text(&header.source))?;
    if let Some(since) = &header.since {
        writeln!(out, "<dt>pending since</dt><dd><code>{}</code></dd>", text(since))?;
    }
    let at = header.observed_at;
    writeln!(out, "<dt>observed</dt><dd><time datetime=\"{at}\">{at}</time></dd>\n</dl>")
}

fn section(group: &Group<'_>, out: &mut dyn Write) -> io::Result<()> {
    let (class, word, count) = (group.class.label(), group.class.word(), group.resources.len());
    if group.class == Class::InSync {
        writeln!(
            out,
            "<section class=\"{class}\">\n<details><summary><b>{word}</b> {count}</summary>"
        )?;
        writeln!(
            out,
            "<table class=\"sync\"><thead><tr><th scope=\"col\">resource</th><th scope=\"col\">seen</th></tr></thead>\n<tbody>"
        )?;
        for resource in &group.resources {
            let about = wording::seen(resource).unwrap_or_default();
            let (name, about) = (resource::title(resource), shown(&about));
            writeln!(out, "<tr><th scope=\"row\">{name}</th><td>{about}</td></tr>")?;
        }
        return writeln!(out, "</tbody></table>\n</details>\n</section>");
    }
    writeln!(
        out,
        "<section class=\"{class}\">\n<h2><b>{word}</b> {} <span class=\"number\">{count}</span></h2>",
        text(&group.class.meaning())
    )?;
    for resource in &group.resources {
        resource::write(resource, out)?;
    }
    writeln!(out, "</section>")
}

/// One resource that is not as it is wanted, with what differs: for pages that hold more than a check.
pub(crate) fn article(resource: &ResourceReport, out: &mut dyn Write) -> io::Result<()> {
    let class = Class::of(resource).label();
    writeln!(out, "<div class=\"{class}\">")?;
    resource::write(resource, out)?;
    writeln!(out, "</div>")
}

/// Text that stays text, in an element or in a quoted attribute.
fn text(raw: &str) -> String {
    markup(&escape(raw))
}

/// As [`text`], for what was escaped where it was seen.
pub(crate) fn shown(escaped: &str) -> String {
    markup(&escaped_line(escaped, usize::MAX))
}

fn markup(line: &str) -> String {
    let mut safe = String::with_capacity(line.len());
    for c in line.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text() {
        let hostile = "</style><script>alert('\"&')</script>\u{202e}\n";
        let expected =
            "&lt;/style&gt;&lt;script&gt;alert(&#39;&quot;&amp;&#39;)&lt;/script&gt;\\u{202e}\\n";
        assert_eq!(text(hostile), expected);
        assert_eq!(shown("a\\xff<\u{1b}"), "a\\xff&lt;\\u{1b}");
    }

    #[test]
    fn the_style_asks_for_nothing_from_outside() {
        for word in ["http", "url(", "@import", "</", "<!--"] {
            assert!(!STYLE.contains(word), "{word}");
        }
    }
}
