//! Draws findings about files: the line, a caret under the place, the code, and what to do.

use std::fmt::Write as _;

use annotate_snippets::{AnnotationKind, Group, Level as Style, Renderer, Snippet};

use crate::model::display::{escape, one_line};
use crate::model::{Diagnostic, Level};

/// The most findings that are drawn; the rest is counted.
const DRAWN_MAX: usize = 200;
/// The longest line that is drawn whole.
const LINE_CHARS_MAX: usize = 200;

/// Draws all findings. `text_of` gives the content of a file.
#[must_use]
pub fn draw(
    diagnostics: &[Diagnostic],
    text_of: &dyn Fn(&str) -> Option<String>,
    width: usize,
) -> String {
    let renderer = Renderer::styled().term_width(width.max(60));
    let mut drawn = String::new();
    for diagnostic in diagnostics.iter().take(DRAWN_MAX) {
        drawn.push_str(&one(diagnostic, text_of, &renderer));
        drawn.push_str("\n\n");
    }
    if diagnostics.len() > DRAWN_MAX {
        let _ = writeln!(drawn, "… and {} more\n", diagnostics.len() - DRAWN_MAX);
    }
    drawn
}

fn one(
    diagnostic: &Diagnostic,
    text_of: &dyn Fn(&str) -> Option<String>,
    renderer: &Renderer,
) -> String {
    let style = match diagnostic.level {
        Level::Error => Style::ERROR,
        Level::Warning => Style::WARNING,
    };
    let code = diagnostic.code.to_string();
    let message = escape_lines(&diagnostic.message);
    let title = style.primary_title(message.as_str()).id(code.as_str());
    let file = escape(&diagnostic.file);
    let source = text_of(&diagnostic.file).and_then(|text| excerpt(&text, diagnostic.span));
    let other = diagnostic
        .other
        .as_ref()
        .and_then(|other| Some((excerpt(&text_of(&other.file)?, other.span)?, other)));
    let place = other.as_ref().map(|(_, other)| (escape(&other.file), escape(&other.label)));
    let mut group = match &source {
        Some(part) => {
            title.element(part.snippet(&file, AnnotationKind::Primary, diagnostic.code.title()))
        }
        None => title.element(annotate_snippets::Origin::path(file.as_ref())),
    };
    if let (Some((part, _)), Some((file, label))) = (&other, &place) {
        group = group.element(part.snippet(file, AnnotationKind::Context, label));
    }
    let hint = diagnostic.hint.as_deref().map(escape_lines);
    if let Some(hint) = &hint {
        group = group.element(Style::HELP.message(hint.as_str()));
    }
    let report: &[Group<'_>] = &[group];
    renderer.render(report)
}

fn escape_lines(text: &str) -> String {
    text.lines().map(escape).collect::<Vec<_>>().join("\n")
}

/// The one line that a finding is about, made printable, with the place in it.
struct Excerpt {
    line: String,
    number: usize,
    span: (usize, usize),
}

impl Excerpt {
    fn snippet<'a>(
        &'a self,
        file: &'a str,
        kind: AnnotationKind,
        label: &'a str,
    ) -> Snippet<'a, annotate_snippets::Annotation<'a>> {
        Snippet::source(self.line.as_str())
            .line_start(self.number)
            .path(file)
            .annotation(kind.span(self.span.0..self.span.1).label(label))
    }
}

/// Cuts out the first line of a place. Drawing only that line keeps a finding in a list of a million lines cheap.
fn excerpt(text: &str, span: (usize, usize)) -> Option<Excerpt> {
    let floor = |mut at: usize| {
        at = at.min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let start = floor(span.0);
    let from = text[..start].rfind('\n').map_or(0, |at| at + 1);
    let to = text[start..].find('\n').map_or(text.len(), |at| start + at);
    let end = floor(span.1).clamp(start, to);
    if text.is_empty() {
        return None;
    }
    let before = escape_source(&text[from..start]);
    let marked = escape_source(&text[start..end]);
    let after = escape_source(&text[end..to]);
    let (before, cut) = match before.char_indices().rev().nth(LINE_CHARS_MAX) {
        Some((at, _)) => (before[at..].to_owned(), "…"),
        None => (before, ""),
    };
    let marked = one_line_source(&marked);
    let place = (cut.len() + before.len(), cut.len() + before.len() + marked.len());
    let line = format!("{cut}{before}{marked}{}", one_line_source(&after));
    Some(Excerpt { line, number: text[..start].matches('\n').count() + 1, span: place })
}

/// Source text keeps its backslashes; only what would disturb a terminal is escaped.
fn escape_source(text: &str) -> String {
    text.split('\\')
        .map(|part| escape(&part.replace('\t', "    ")).into_owned())
        .collect::<Vec<_>>()
        .join("\\")
}

fn one_line_source(text: &str) -> String {
    if text.chars().count() <= LINE_CHARS_MAX {
        text.to_owned()
    } else {
        one_line(text, LINE_CHARS_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Code;

    fn plain(diagnostic: &Diagnostic, text: &'static str) -> String {
        one(diagnostic, &|_| Some(text.to_owned()), &Renderer::plain())
    }

    #[test]
    fn a_finding_shows_line_caret_code_and_hint() {
        let text = "[directory.\"/x\"]\nonwer = \"root\"\n";
        let finding =
            Diagnostic::error(Code::UnknownKey, "hosts/a/x.toml", 17..22, "unknown key `onwer`")
                .hint("did you mean `owner`?");
        let drawn = plain(&finding, text);
        for part in [
            "error[CS0003]",
            "hosts/a/x.toml:2:1",
            "onwer = \"root\"",
            "^^^^^",
            "did you mean `owner`?",
        ] {
            assert!(drawn.contains(part), "{part} is not in\n{drawn}");
        }
    }

    #[test]
    fn hostile_text_is_escaped_and_places_past_the_end_are_taken() {
        let finding = Diagnostic::error(Code::HashList, "x", 0..3, "bad \u{1b}[31m name");
        let drawn = plain(&finding, "\u{1b}[2Jhi");
        assert!(!drawn.contains('\u{1b}'), "{drawn:?}");
        for text in ["", "line\n"] {
            let place = "a\u{1b}[2J\u{202e}.toml";
            let finding =
                Diagnostic::error(Code::HashList, place, 0..0, "x").and(place, 0..2, place);
            let drawn = plain(&finding, text);
            assert!(!drawn.contains(['\u{1b}', '\u{202e}']), "{drawn:?}");
        }
        let past = Diagnostic::error(Code::HashList, "x", 90..99, "late");
        assert!(plain(&past, "a\nb\n").contains("late"));
    }
}
