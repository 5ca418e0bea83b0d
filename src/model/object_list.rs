//! A manifest of the objects of a schema: blocks of text, one an object, each under its title.
//!
//! ```text
//! countersign.schema 1
//! function public.fn_iu_create(text, text)
//!   returns: uuid
//!   body: |
//!     BEGIN
//!     END
//! ```
//!
//! The first line names the format. A line at the margin that is no comment (`#`) is a title; what is indented, or empty,
//! belongs to the title above it. The text is kept once, and the list says where in it each block lies.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::Span;
use super::display::one_line;

/// What the first line says.
pub const HEADER: &str = "countersign.schema 1";
/// The most objects of one list.
pub const OBJECTS_MAX: usize = 2_000_000;
/// The most findings that are kept.
const FINDINGS_MAX: usize = 50;

/// A manifest.
#[derive(Debug, Clone, Default)]
pub struct ObjectList {
    text: Vec<u8>,
    /// In the order of titles.
    places: Vec<Place>,
}

/// Where a block lies in the text.
#[derive(Debug, Clone, Copy)]
struct Place {
    start: u32,
    /// Where its title ends, without the end of the line.
    title: u32,
    end: u32,
}

/// Something wrong with a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListFinding {
    /// Where.
    pub span: Span,
    /// What, as a fragment.
    pub message: String,
}

impl ObjectList {
    /// Reads a manifest.
    ///
    /// # Errors
    /// Everything that is wrong with it, up to 50 findings. Then nothing of it is used.
    pub fn parse(text: Vec<u8>) -> Result<Self, Vec<ListFinding>> {
        let alone = |span: Span, message: String| vec![ListFinding { span, message }];
        if u32::try_from(text.len()).is_err() {
            return Err(alone(0..0, "it has more than 4 GiB".to_owned()));
        }
        let read = str::from_utf8(&text).map_err(|e| {
            alone(e.valid_up_to()..e.valid_up_to() + 1, "it is no UTF-8".to_owned())
        })?;
        let first = read.lines().next().unwrap_or_default();
        if first != HEADER {
            let message =
                format!("the first line is `{}`, and not `{HEADER}`", one_line(first, 60));
            return Err(alone(0..first.len(), message));
        }
        if let Some(at) = read.find('\r') {
            return Err(alone(
                at..at + 1,
                "a line ends in a carriage return: every object would differ".to_owned(),
            ));
        }
        if !read.ends_with('\n') {
            return Err(alone(
                read.len() - 1..read.len(),
                "it was cut: the last line has no end".to_owned(),
            ));
        }
        let (places, findings) = blocks(read);
        if findings.is_empty() { Ok(Self { text, places }) } else { Err(findings) }
    }

    /// How many objects it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Has it none?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// The place of a title in the order of titles.
    #[must_use]
    pub fn find(&self, title: &str) -> Option<usize> {
        let title = title.as_bytes();
        self.places.binary_search_by(|place| self.bytes(place.start, place.title).cmp(title)).ok()
    }

    /// The title at a place.
    #[must_use]
    pub fn title(&self, at: usize) -> &str {
        let of = |place: &Place| self.bytes(place.start, place.title);
        self.places.get(at).map_or("", |place| str::from_utf8(of(place)).unwrap_or_default())
    }

    /// The block at a place, its title included.
    #[must_use]
    pub fn block(&self, at: usize) -> &str {
        let of = |place: &Place| self.bytes(place.start, place.end);
        self.places.get(at).map_or("", |place| str::from_utf8(of(place)).unwrap_or_default())
    }

    fn bytes(&self, start: u32, end: u32) -> &[u8] {
        self.text.get(start as usize..end as usize).unwrap_or_default()
    }
}

/// A block without these keys, wherever they stand in it, and without what stands below them.
#[must_use]
pub fn without<'a>(block: &'a str, keys: &[&str]) -> Cow<'a, str> {
    if keys.is_empty() {
        return block.into();
    }
    let mut kept = String::with_capacity(block.len());
    // Below which depth a text of several lines ends, and below which one that is left out does.
    let (mut text_from, mut gone_from) = (None, None);
    // The dash of an item whose first key was left out.
    let mut dash: Option<usize> = None;
    for line in block.split_inclusive('\n') {
        let depth = line.len() - line.trim_start_matches(' ').len();
        let inside = |from: Option<usize>| from.is_some_and(|from| line == "\n" || depth >= from);
        if inside(gone_from) {
            continue;
        }
        gone_from = None;
        if inside(text_from) {
            kept.push_str(line);
            continue;
        }
        let item = line[depth..].starts_with("- ");
        let place = if item { depth + 2 } else { depth };
        if let Some(at) = dash.take_if(|at| place < *at + 2 || item) {
            let _ = writeln!(kept, "{:at$}-", "");
        }
        let (key, rest) = line[place..].split_once(':').unwrap_or_default();
        if place > 0 && keys.contains(&key) {
            gone_from = Some(place + 1);
            dash = if item { Some(depth) } else { dash };
            continue;
        }
        let text = rest == " |\n" || line[depth..] == *"- |\n";
        text_from = text.then_some(if rest == " |\n" { place } else { depth } + 2);
        match dash.take() {
            Some(at) => {
                let _ = write!(kept, "{:at$}- {}", "", &line[place..]);
            }
            None => kept.push_str(line),
        }
    }
    if let Some(at) = dash {
        let _ = writeln!(kept, "{:at$}-", "");
    }
    kept.into()
}

/// All blocks in the order of their titles.
fn blocks(text: &str) -> (Vec<Place>, Vec<ListFinding>) {
    let (mut places, mut findings): (Vec<Place>, Vec<ListFinding>) = (Vec::new(), Vec::new());
    let mut open: Option<(usize, usize)> = None;
    let place = |(start, title): (usize, usize), end: usize| Place {
        start: small(start),
        title: small(title),
        end: small(end),
    };
    let mut at = HEADER.len() + 1;
    for line in text.get(at..).unwrap_or_default().split_inclusive('\n') {
        let (start, end) = (at, at + line.len());
        at = end;
        let inside = line.starts_with([' ', '\t']);
        if inside && open.is_none() && findings.len() < FINDINGS_MAX {
            let message = "an indented line stands under no title".to_owned();
            findings.push(ListFinding { span: start..end - 1, message });
        }
        if inside || line == "\n" {
            continue;
        }
        places.extend(open.take().map(|open| place(open, start)));
        if !line.starts_with('#') {
            open = Some((start, end - 1));
        }
    }
    places.extend(open.map(|open| place(open, text.len())));
    let title =
        |place: &Place| text.get(place.start as usize..place.title as usize).unwrap_or_default();
    if !places.is_sorted_by(|a, b| title(a) < title(b)) {
        places.sort_by(|a, b| title(a).cmp(title(b)));
        let twice = places.windows(2).filter(|pair| title(&pair[0]) == title(&pair[1]));
        findings.extend(twice.take(FINDINGS_MAX).map(|pair| ListFinding {
            span: pair[1].start as usize..pair[1].title as usize,
            message: "this object is listed twice".to_owned(),
        }));
    }
    if places.len() > OBJECTS_MAX {
        let message = format!("it lists more than {OBJECTS_MAX} objects");
        findings.push(ListFinding { span: 0..HEADER.len(), message });
    }
    places.shrink_to_fit();
    (places, findings)
}

/// A place in a text of less than 4 GiB.
fn small(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<ObjectList, Vec<ListFinding>> {
        ObjectList::parse(text.as_bytes().to_vec())
    }

    #[test]
    fn blocks_are_found_by_their_titles() {
        let text = "countersign.schema 1\n\n# why\nview b\n  x: 1\n\n\n# what\nfunction a\n  body: |\n    y\n\n";
        let list = parse(text).expect("it is one");
        assert_eq!((list.len(), list.title(0), list.title(1)), (2, "function a", "view b"));
        assert_eq!(list.block(0), "function a\n  body: |\n    y\n\n");
        assert_eq!(list.block(1), "view b\n  x: 1\n\n\n");
        assert_eq!((list.find("view b"), list.find("view"), list.block(2)), (Some(1), None, ""));
        assert!(parse("countersign.schema 1\n").expect("it is one").is_empty());
    }

    #[test]
    fn keys_are_left_out_wherever_they_stand_and_texts_stay() {
        let block = "table public.t\n  owner: me\n  comment: |\n    a\n\n    owner: b\n  columns:\n    - name: id\n      comment: c\n    \
                     - comment: d\n      name: x\n    - comment: only\n    - name: y\n  body: |\n    owner: stays\n\n    comment: stays\n  \
                     list:\n    - |\n      owner: stays\n      b\n    - owner is no key\n  note: owner: stays\n";
        let expected = "table public.t\n  columns:\n    - name: id\n    - name: x\n    -\n    - name: y\n  body: |\n    owner: stays\n\n    \
                        comment: stays\n  list:\n    - |\n      owner: stays\n      b\n    - owner is no key\n  note: owner: stays\n";
        assert_eq!(without(block, &["owner", "comment"]), expected);
        assert_eq!(without(block, &[]), block);
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_its_place() {
        let refused = |text: &str| {
            let found = parse(text).expect_err(text).remove(0);
            (found.span, found.message)
        };
        for (text, span, message) in [
            ("", 0..0, "the first line"),
            ("countersign.schema 2\n", 0..20, "the first line is `countersign.schema 2`"),
            ("countersign.schema 1\n  x: 1\n", 21..27, "under no title"),
            ("countersign.schema 1\nb\na\nb\n", 25..26, "twice"),
            ("countersign.schema 1\na\r\n", 22..23, "carriage return"),
            ("countersign.schema 1\na", 21..22, "it was cut"),
        ] {
            let (place, said) = refused(text);
            assert!(place == span && said.contains(message), "{text:?}: {place:?} {said}");
        }
        let found = ObjectList::parse(b"countersign.schema 1\na\xff\n".to_vec());
        assert!(found.expect_err("no text")[0].message.contains("UTF-8"));
    }
}
