//! Draws findings about files: the line, a caret under the place, the code, and what to do.

use std::fmt::Write as _;

use annotate_snippets::{AnnotationKind, Group, Level as Style, Renderer, Snippet};

use crate::model::display::{escape, one_line};
use crate::model::{Diagnostic, Level, SourceLine};

/// The most findings that are drawn; the rest is counted.
const DRAWN_MAX: usize = 200;
/// The longest line that is drawn whole.
const LINE_CHARS_MAX: usize = 200;

/// Gives the line of a file that a byte stands in.
pub type LineOf<'a> = &'a dyn Fn(&str, usize) -> Option<SourceLine>;

/// Draws all findings.
#[must_use]
pub fn draw(diagnostics: &[Diagnostic], line_of: LineOf<'_>, width: usize) -> String {
    let renderer = Renderer::styled().term_width(width.max(60));
    let mut drawn = String::new();
    for diagnostic in diagnostics.iter().take(DRAWN_MAX) {
        drawn.push_str(&one(diagnostic, line_of, &renderer));
        drawn.push_str("\n\n");
    }
    if diagnostics.len() > DRAWN_MAX {
        let _ = writeln!(drawn, "… and {} more\n", diagnostics.len() - DRAWN_MAX);
    }
    drawn
}

fn one(diagnostic: &Diagnostic, line_of: LineOf<'_>, renderer: &Renderer) -> String {
    let source_of = |file: &str, span: (usize, usize)| Some(excerpt(&line_of(file, span.0)?, span));
    let style = match diagnostic.level {
        Level::Error => Style::ERROR,
        Level::Warning => Style::WARNING,
    };
    let code = diagnostic.code.to_string();
    let message = escape_lines(&diagnostic.message);
    let title = style.primary_title(message.as_str()).id(code.as_str());
    let file = escape(&diagnostic.file);
    let source = source_of(&diagnostic.file, diagnostic.span);
    let other = diagnostic
        .other
        .as_ref()
        .and_then(|other| Some((source_of(&other.file, other.span)?, other)));
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

/// Makes a line printable, with the place in it: its part of a place of several lines.
fn excerpt(line: &SourceLine, span: (usize, usize)) -> Excerpt {
    let bytes = line.bytes.as_slice();
    // A place within a character is that character.
    let floor = |at: usize| {
        let at = at.saturating_sub(line.start).min(bytes.len());
        let inside = |at: &usize| bytes.get(*at).is_some_and(|byte| byte & 0xc0 == 0x80);
        (at.saturating_sub(3)..=at).rev().find(|at| !inside(at)).unwrap_or(at)
    };
    let start = floor(span.0);
    let end = floor(span.1).max(start);
    let shown = |part: &[u8]| escape_source(&String::from_utf8_lossy(part));
    let (before, marked, after) =
        (shown(&bytes[..start]), shown(&bytes[start..end]), shown(&bytes[end..]));
    let (before, cut) = match before.char_indices().rev().nth(LINE_CHARS_MAX) {
        Some((at, _)) => (before[at..].to_owned(), "…"),
        None => (before, ""),
    };
    let marked = one_line_source(&marked);
    let place = (cut.len() + before.len(), cut.len() + before.len() + marked.len());
    let text = format!("{cut}{before}{marked}{}", one_line_source(&after));
    Excerpt { line: text, number: line.number, span: place }
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
        one(diagnostic, &|_, at| SourceLine::find(&text, at), &Renderer::plain())
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
        let inside = Diagnostic::error(Code::HashList, "x", 4..5, "within a character");
        assert!(
            plain(&inside, "a\n\u{20ac}b\n").contains("x:2:1"),
            "{}",
            plain(&inside, "a\n\u{20ac}b\n")
        );
        let past = Diagnostic::error(Code::HashList, "x", 90..99, "late");
        assert!(plain(&past, "a\nb\n").contains("late"));
    }
}
