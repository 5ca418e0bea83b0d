//! Reads a whole list: the ends of lines, every line, repetitions, and names that cannot stand side by side.

use std::collections::BTreeMap;
use std::io::BufRead as _;

use super::line::{self, Line, LineError};
use super::{ENTRIES_MAX, Ending, HashList, LineFinding, Parsed, Record};
use crate::model::Span;
use crate::model::display::{escape_bytes, one_line};

/// How many errors, and how many warnings, are kept one by one; the rest is counted.
const FINDINGS_MAX: usize = 50;

/// See [`HashList::parse`].
pub(super) fn parse(text: &[u8], root: &[u8], ending: Ending) -> Parsed {
    let mut parser = Parser {
        text,
        root,
        ending,
        crlf: false,
        findings: Findings::default(),
        list: HashList::default(),
        repeated: 0,
    };
    parser.settle_line_ends();
    parser.take_lines();
    parser.settle_repetitions();
    parser.refuse_files_as_folders();
    let Parser { mut list, findings, repeated, .. } = parser;
    list.names.shrink_to_fit();
    list.records.shrink_to_fit();
    let errors = findings.errors;
    Parsed { list, findings: findings.finish(), errors, repeated }
}

struct Parser<'a> {
    text: &'a [u8],
    root: &'a [u8],
    ending: Ending,
    crlf: bool,
    list: HashList,
    findings: Findings,
    repeated: usize,
}

/// Bytes of one line: from its start to its end, without the newline, and its number.
struct Place {
    number: usize,
    span: Span,
}

impl<'a> Parser<'a> {
    fn take_lines(&mut self) {
        let (text, separator) = (self.text, self.separator());
        // The shortest line has 64 digits, two blanks, a name and its end. Pages never touched cost no memory.
        self.list.records.reserve_exact(text.len() / 67 + 1);
        self.list.names.reserve_exact(text.len());
        for place in places(text, separator) {
            if !self.take(place) {
                break;
            }
        }
        let names = &self.list.names;
        let tail = |record: &Record| &names[record.name_start as usize..];
        self.list.records.sort_unstable_by(|a, b| tail(a).cmp(tail(b)));
    }

    fn separator(&self) -> u8 {
        match self.ending {
            Ending::Line => b'\n',
            Ending::Nul => 0,
        }
    }

    /// The line at `place` without its end; nothing for blank lines and comments.
    fn content(&self, place: &Place) -> Option<&'a [u8]> {
        let line = &self.text[place.span.clone()];
        let line = if self.crlf { line.strip_suffix(b"\r").unwrap_or(line) } else { line };
        let skipped = line.is_empty() || (self.ending == Ending::Line && line[0] == b'#');
        (!skipped).then_some(line)
    }

    fn read(&self, line: &'a [u8]) -> Result<Line<'a>, LineError> {
        line::parse(line, self.ending == Ending::Line, self.root)
    }

    /// Takes one line; false when a limit ends the reading.
    fn take(&mut self, place: Place) -> bool {
        let Some(content) = self.content(&place) else { return true };
        let Line { digest, name } = match self.read(content) {
            Ok(line) => line,
            Err(error) => {
                let excerpt = one_line(&String::from_utf8_lossy(content), 60);
                self.report(place, &format!("{error}: {excerpt}"), false);
                return true;
            }
        };
        let list = &mut self.list;
        let (Ok(name_start), true) = (u32::try_from(list.names.len()), list.len() < ENTRIES_MAX)
        else {
            let limit = format!("the list names more than {ENTRIES_MAX} files");
            self.report(place, &limit, false);
            return false;
        };
        list.names.extend_from_slice(&name);
        list.names.push(0);
        list.records.push(Record { name_start, digest });
        true
    }

    /// CRLF is fine when every line has it; a mixture is not, as then a CR may belong to a name.
    fn settle_line_ends(&mut self) {
        if self.ending == Ending::Nul || !self.text.contains(&b'\r') {
            return;
        }
        let text = self.text;
        let (mut with, mut without) = (None, None);
        for place in places(text, b'\n') {
            let cr = text[place.span.clone()].ends_with(b"\r");
            let ended = place.span.end < text.len();
            match (cr, ended) {
                (true, _) => with.get_or_insert(place),
                (false, true) => without.get_or_insert(place),
                (false, false) => continue,
            };
            if with.is_some() && without.is_some() {
                break;
            }
        }
        let Some(first) = with else { return };
        self.crlf = true;
        match without {
            None => self.report(first, "every line ends in CR LF; write the list with LF", true),
            Some(other) => {
                let (late, message) = if first.number > other.number {
                    (first, format!("the line ends in CR LF, line {} in LF", other.number))
                } else {
                    let message = format!("the line ends in LF, line {} in CR LF", first.number);
                    (other, message)
                };
                self.report(late, &message, false);
            }
        }
    }

    /// Keeps one of several equal names, and reports all the others.
    fn settle_repetitions(&mut self) {
        let list = &mut self.list;
        let names = &list.names;
        let name = |record: &Record| {
            names[record.name_start as usize..].split(|c| *c == 0).next().unwrap_or_default()
        };
        // The tails of equal names are not in the order of the lines: the first line is the one to keep.
        let mut extra: Vec<(Record, Record)> = Vec::new();
        list.records.dedup_by(|later, kept| {
            if !same_name(names, *later, *kept) {
                return false;
            }
            if later.name_start < kept.name_start {
                std::mem::swap(later, kept);
            }
            extra.push((*later, *kept));
            true
        });
        if extra.is_empty() {
            return;
        }
        let shown: Vec<String> = extra.iter().map(|(later, _)| escape_bytes(name(later))).collect();
        let wanted = extra.iter().flat_map(|(a, b)| [a.name_start, b.name_start]);
        let places = self.places_of(wanted.collect());
        for ((later, kept), shown) in extra.into_iter().zip(shown) {
            let (Some((number, span)), Some((first, _))) =
                (places.get(&later.name_start), places.get(&kept.name_start))
            else {
                continue;
            };
            let place = Place { number: *number, span: span.clone() };
            if later.digest == kept.digest {
                self.repeated += 1;
                self.report(place, &format!("`{shown}` is listed on line {first} already"), true);
            } else {
                let message = format!("`{shown}` has another digest on line {first}");
                self.report(place, &message, false);
            }
        }
    }

    /// The lines whose names start at these places of the arena, by reading the text once more.
    fn places_of(&self, mut starts: Vec<u32>) -> BTreeMap<u32, (usize, Span)> {
        starts.sort_unstable();
        starts.dedup();
        let mut starts = starts.into_iter().peekable();
        let (mut at, mut found) = (0_usize, BTreeMap::new());
        for place in places(self.text, self.separator()) {
            let Some(content) = self.content(&place) else { continue };
            let Ok(line) = self.read(content) else { continue };
            if let Some(start) = starts.next_if(|start| *start as usize == at) {
                found.insert(start, (place.number, place.span));
            }
            at += line.name.len() + 1;
        }
        found
    }

    /// `a` and `a/b` cannot both be files.
    fn refuse_files_as_folders(&mut self) {
        let list = &self.list;
        let mut conflicts = Vec::new();
        for index in 1..list.len() {
            let folder = list.name(index - 1).to_bytes();
            // Whatever sorts between `a` and `a/` starts with `a`, so most names need no search.
            if !list.tail(index).starts_with(folder) {
                continue;
            }
            let prefix = [folder, b"/"].concat();
            let below = index
                + list.records[index..]
                    .partition_point(|record| list.tail_of(record) < &prefix[..]);
            if below < list.len() && list.tail(below).starts_with(&prefix) {
                conflicts.push((list.records[index - 1].name_start, escape_bytes(folder)));
            }
        }
        if conflicts.is_empty() {
            return;
        }
        let places = self.places_of(conflicts.iter().map(|(start, _)| *start).collect());
        for (start, shown) in conflicts {
            if let Some((number, span)) = places.get(&start) {
                let place = Place { number: *number, span: span.clone() };
                let message =
                    format!("`{shown}` is listed as a file, and other names lie below it");
                self.report(place, &message, false);
            }
        }
    }

    fn report(&mut self, place: Place, message: &str, warning: bool) {
        let message = format!("line {}: {message}", place.number);
        let finding = LineFinding { line: place.number, span: place.span, message, warning };
        self.findings.add(finding);
    }
}

/// Findings as they come; the number kept is bounded.
#[derive(Default)]
struct Findings {
    kept: Vec<LineFinding>,
    errors: usize,
    warnings: usize,
}

impl Findings {
    fn add(&mut self, finding: LineFinding) {
        let count = if finding.warning { &mut self.warnings } else { &mut self.errors };
        *count += 1;
        if *count <= FINDINGS_MAX {
            self.kept.push(finding);
        }
    }

    fn finish(mut self) -> Vec<LineFinding> {
        self.kept.sort_by_key(|finding| finding.line);
        for (count, warning) in [(self.errors, false), (self.warnings, true)] {
            let Some(more) = count.checked_sub(FINDINGS_MAX).filter(|more| *more > 0) else {
                continue;
            };
            let last = self.kept.iter().rev().find(|finding| finding.warning == warning);
            let Some((line, span)) = last.map(|last| (last.line, last.span.clone())) else {
                continue;
            };
            let message = format!("and {more} more such lines");
            self.kept.push(LineFinding { line, span, message, warning });
        }
        self.kept
    }
}

/// The lines of a text; what stands behind the last separator is one only if it is not empty.
fn places(text: &[u8], separator: u8) -> impl Iterator<Item = Place> + '_ {
    let mut start = 0;
    (1..).map_while(move |number| {
        let mut rest = text.get(start..).filter(|rest| !rest.is_empty())?;
        // Of all the searches of the standard library for a byte, this one is made for long texts.
        let length = rest.skip_until(separator).ok()?;
        let end = start + length;
        let span = start..end - usize::from(text.get(end - 1) == Some(&separator));
        start = end;
        Some(Place { number, span })
    })
}

/// Do two records name the same file?
fn same_name(names: &[u8], a: Record, b: Record) -> bool {
    let (a, b) = (&names[a.name_start as usize..], &names[b.name_start as usize..]);
    let length = a.iter().position(|c| *c == 0).unwrap_or(a.len());
    b.get(length) == Some(&0) && a[..length] == b[..length]
}
