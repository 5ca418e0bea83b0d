//! Reads a whole list: the ends of lines, every line, repetitions, and names that cannot stand side by side.

use std::collections::BTreeMap;

use sha2::Digest as _;

use super::arena::Layout;
use super::line::{self, Entry, LineError};
use super::lines::{LINE_BYTES_MAX, Line, Lines, Place};
use super::{ENTRIES_MAX, Ending, HashList, LineFinding, Parsed, Record};
use crate::model::display::{escape_bytes, one_line};
use crate::model::{Digest, Pieces};

/// How many errors, and how many warnings, are kept one by one; the rest is counted.
const FINDINGS_MAX: usize = 50;

/// See [`HashList::read`].
pub(super) fn read(text: &dyn Pieces, root: &[u8], ending: Ending) -> Result<Parsed, String> {
    let mut parser = Parser {
        syntax: Syntax { root, ending },
        list: HashList::default(),
        layout: Layout::default(),
        full: false,
        line_ends: LineEnds::default(),
        findings: Findings::default(),
        repeated: 0,
    };
    parser.reserve(text.size());
    let digest = each_line(text, ending, &mut |line| parser.take(&line))?;
    let read = Read { text, digest };
    parser.settle_line_ends();
    parser.sort();
    parser.settle_repetitions(&read)?;
    parser.refuse_files_as_folders(&read)?;
    let Parser { mut list, findings, repeated, .. } = parser;
    list.names.shrink();
    list.records.shrink_to_fit();
    let errors = findings.errors;
    Ok(Parsed { list, findings: findings.finish(), errors, repeated, digest })
}

/// Hands over every line, and says of which text they are.
fn each_line(
    text: &dyn Pieces,
    ending: Ending,
    take: &mut dyn FnMut(Line<'_>),
) -> Result<Digest, String> {
    let separator = match ending {
        Ending::Line => b'\n',
        Ending::Nul => 0,
    };
    let (mut lines, mut hasher) = (Lines::new(separator), sha2::Sha256::new());
    text.each(&mut |piece| {
        hasher.update(piece);
        lines.take(piece, take);
    })?;
    lines.finish(take);
    Ok(Digest::from_bytes(hasher.finalize().into()))
}

/// What decides how a line is read.
#[derive(Clone, Copy)]
struct Syntax<'a> {
    root: &'a [u8],
    ending: Ending,
}

impl Syntax<'_> {
    /// The line without its end; nothing for blank lines and comments.
    fn content<'l>(self, line: &Line<'l>) -> Option<&'l [u8]> {
        let content = match self.ending {
            // Where one line ends in CR LF all of them have to, so the CR belongs to no name.
            Ending::Line => line.content.strip_suffix(b"\r").unwrap_or(line.content),
            Ending::Nul => line.content,
        };
        let skipped = content.is_empty() || (self.ending == Ending::Line && content[0] == b'#');
        (!skipped).then_some(content)
    }

    /// What a line says that is no comment.
    fn read<'l>(self, line: &Line<'_>, content: &'l [u8]) -> Result<Entry<'l>, LineError> {
        if line.place.span.len() > LINE_BYTES_MAX {
            return Err(LineError::LongLine);
        }
        line::parse(content, self.ending == Ending::Line, self.root)
    }
}

/// A text that was read to its end, and can be read once more.
struct Read<'a> {
    text: &'a dyn Pieces,
    digest: Digest,
}

struct Parser<'a> {
    syntax: Syntax<'a>,
    list: HashList,
    layout: Layout,
    /// No further line is taken.
    full: bool,
    line_ends: LineEnds,
    findings: Findings,
    repeated: usize,
}

/// The first lines that end in CR LF, and in LF alone.
#[derive(Default)]
struct LineEnds {
    with: Option<Place>,
    without: Option<Place>,
}

impl Parser<'_> {
    /// The shortest line has 64 digits, two blanks, a name and its end. Pages never touched cost no memory.
    fn reserve(&mut self, bytes: u64) {
        let bytes = usize::try_from(bytes).unwrap_or(0);
        self.list.records.reserve_exact((bytes / 67 + 1).min(ENTRIES_MAX));
        self.list.names.reserve(bytes);
    }

    /// Takes one line, until a limit ends the reading.
    fn take(&mut self, line: &Line<'_>) {
        if self.full {
            return;
        }
        self.note_end(line);
        let Some(content) = self.syntax.content(line) else { return };
        let entry = match self.syntax.read(line, content) {
            Ok(entry) => entry,
            Err(error) => {
                let excerpt = one_line(&String::from_utf8_lossy(content), 60);
                return self.report(&line.place, &format!("{error}: {excerpt}"), false);
            }
        };
        let list = &mut self.list;
        let room = list.len() < ENTRIES_MAX;
        if let Some(spot) = list.names.lay(&mut self.layout, &entry.name).filter(|_| room) {
            list.records.push(Record { spot, digest: entry.digest });
        } else {
            self.full = true;
            let limit = format!("the list names more than {ENTRIES_MAX} files");
            self.report(&line.place, &limit, false);
        }
    }

    /// CRLF is fine when every line has it; a mixture is not, as then a CR may belong to a name.
    fn note_end(&mut self, line: &Line<'_>) {
        if self.syntax.ending == Ending::Nul {
            return;
        }
        let cr = line.last == Some(b'\r');
        let LineEnds { with, without } = &mut self.line_ends;
        let (first, other) = if cr { (with, &*without) } else { (without, &*with) };
        if first.is_some() || !(cr || line.ended) {
            return;
        }
        *first = Some(line.place.clone());
        if let Some(Place { number, .. }) = other {
            let (this, that) = if cr { ("CR LF", "LF") } else { ("LF", "CR LF") };
            let message = format!("the line ends in {this}, line {number} in {that}");
            self.report(&line.place, &message, false);
        }
    }

    fn settle_line_ends(&mut self) {
        if let LineEnds { with: Some(first), without: None } = std::mem::take(&mut self.line_ends) {
            self.report(&first, "every line ends in CR LF; write the list with LF", true);
        }
    }

    fn sort(&mut self) {
        let HashList { names, records } = &mut self.list;
        records.sort_unstable_by(|a, b| names.order(a.spot, b.spot));
    }

    /// Keeps one of several equal names, and reports all the others.
    fn settle_repetitions(&mut self, read: &Read<'_>) -> Result<(), String> {
        let HashList { names, records } = &mut self.list;
        // Equal names are not in the order of the lines: the first line is the one to keep.
        let mut extra = Vec::new();
        records.dedup_by(|later, kept| {
            if !names.equal(later.spot, kept.spot) {
                return false;
            }
            if later.spot.leaf() < kept.spot.leaf() {
                std::mem::swap(later, kept);
            }
            extra.push(*later);
            true
        });
        if extra.is_empty() {
            return Ok(());
        }
        let kept = |later: Record| {
            let name = names.name(later.spot);
            let before = |record: &Record| names.order_to(record.spot, &name).is_lt();
            Some((later, *records.get(records.partition_point(before))?))
        };
        let extra: Vec<(Record, Record)> = extra.into_iter().filter_map(kept).collect();
        let wanted = extra.iter().flat_map(|(a, b)| [a.spot.leaf(), b.spot.leaf()]);
        let places = self.places_of(wanted.collect(), read)?;
        for (later, kept) in extra {
            let (Some(place), Some(Place { number: first, .. })) =
                (places.get(&later.spot.leaf()), places.get(&kept.spot.leaf()))
            else {
                continue;
            };
            let shown = escape_bytes(&self.list.names.name(later.spot));
            if later.digest == kept.digest {
                self.repeated += 1;
                self.report(place, &format!("`{shown}` is listed on line {first} already"), true);
            } else {
                let message = format!("`{shown}` has another digest on line {first}");
                self.report(place, &message, false);
            }
        }
        Ok(())
    }

    /// The lines whose names have their last parts at these places of the arena, by reading the text once more.
    fn places_of(
        &self,
        mut leaves: Vec<u32>,
        read: &Read<'_>,
    ) -> Result<BTreeMap<u32, Place>, String> {
        leaves.sort_unstable();
        leaves.dedup();
        let mut leaves = leaves.into_iter().peekable();
        let (mut layout, mut found) = (Layout::default(), BTreeMap::new());
        let digest = each_line(read.text, self.syntax.ending, &mut |line| {
            let Some(content) = self.syntax.content(&line) else { return };
            let Ok(entry) = self.syntax.read(&line, content) else { return };
            let Some(laid) = layout.next(&entry.name) else { return };
            if let Some(leaf) = leaves.next_if(|leaf| *leaf == laid.spot.leaf()) {
                found.insert(leaf, line.place);
            }
        })?;
        if digest == read.digest {
            Ok(found)
        } else {
            Err("it changed while it was read".to_owned())
        }
    }

    /// `a` and `a/b` cannot both be files.
    fn refuse_files_as_folders(&mut self, read: &Read<'_>) -> Result<(), String> {
        let HashList { names, records } = &self.list;
        let mut conflicts = Vec::new();
        for (index, pair) in records.windows(2).enumerate() {
            let (file, next) = (pair[0].spot, pair[1].spot);
            // Whatever sorts between `a` and `a/` starts with `a`, so most names need no search.
            if !names.starts_with(next, file) {
                continue;
            }
            let folder = [&*names.name(file), b"/"].concat();
            let rest = &records[index + 1..];
            let before = |record: &Record| names.order_to(record.spot, &folder).is_lt();
            let below = rest.get(rest.partition_point(before));
            if below.is_some_and(|record| names.folder(record.spot).starts_with(&folder)) {
                conflicts.push((file.leaf(), escape_bytes(&names.name(file))));
            }
        }
        if conflicts.is_empty() {
            return Ok(());
        }
        let places = self.places_of(conflicts.iter().map(|(leaf, _)| *leaf).collect(), read)?;
        for (leaf, shown) in conflicts {
            if let Some(place) = places.get(&leaf) {
                let message =
                    format!("`{shown}` is listed as a file, and other names lie below it");
                self.report(place, &message, false);
            }
        }
        Ok(())
    }

    fn report(&mut self, place: &Place, message: &str, warning: bool) {
        let Place { number: line, span } = place.clone();
        let message = format!("line {line}: {message}");
        self.findings.add(LineFinding { line, span, message, warning });
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
