//! Tests of the list of hashes: every row of what `sha256sum` writes and accepts, and what must be refused.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;

const A: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
const B: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn parse(text: &[u8]) -> Parsed {
    read(text, b"/opt/x", Ending::Line)
}

fn read(text: &[u8], root: &[u8], ending: Ending) -> Parsed {
    HashList::read(&text, root, ending).expect("what is in memory can be read")
}

fn names(list: &HashList) -> Vec<Vec<u8>> {
    (0..list.len()).map(|index| list.name(index)).collect()
}

#[test]
fn what_is_accepted() {
    let upper = A.to_uppercase();
    let cases: &[(String, &[u8])] = &[
        (format!("{A}  a b\n"), b"a b"),
        (format!("{A} *a\n"), b"a"),
        (format!("{A}   a\n"), b" a"),
        (format!("{A}  a"), b"a"),
        (format!("{upper}  a\n"), b"a"),
        (format!("\n# note\n{A}  a\n\n"), b"a"),
        (format!("{A}  ./a\n"), b"a"),
        (format!("{A}  .//a/./b\n"), b"a/b"),
        (format!("{A}  .hidden\n"), b".hidden"),
        (format!("{A}  a/.hidden/...\n"), b"a/.hidden/..."),
        (format!("{A}  a\\nb\n"), b"a\\nb"),
        (format!("\\{A}  a\\nb\\\\\\r\n"), b"a\nb\\\r"),
        (format!("{A}  /opt/x/a\n"), b"a"),
        (format!("SHA256 (a) = b) = {A}\n"), b"a) = b"),
        (format!("\\SHA256 (a\\n) = {A}\n"), b"a\n"),
        (format!("SHA256(a)= {A}\n"), b"a"),
        (format!("SHA2-256(a)= {A}\n"), b"a"),
    ];
    for (text, name) in cases {
        let parsed = parse(text.as_bytes());
        assert_eq!(parsed.findings, [], "{text}");
        assert_eq!(names(&parsed.list), [name.to_vec()], "{text}");
        assert_eq!(parsed.list.digest(0).to_string(), A);
    }
}

#[test]
fn what_is_refused() {
    let short = &A[..63];
    let cases: &[(Vec<u8>, &str)] = &[
        (format!("{short}  a").into(), "has 64 hex digits, this has 63"),
        (format!("{}  a", &A[..40]).into(), "this has 40"),
        (b"some text".to_vec(), "character 1 is not a hex digit"),
        (format!(" {A}  a").into(), "starts with a blank"),
        (b"   ".to_vec(), "starts with a blank"),
        (format!("{A} a").into(), "one blank"),
        (format!("{A}\ta").into(), "a tab"),
        (format!("\u{feff}{A}  a").into(), "byte order mark"),
        (format!("{A}  a\0b").into(), "NUL"),
        (format!("{A}  -").into(), "standard input"),
        (format!("{A}  ../a").into(), "`..`"),
        (format!("{A}  a/../b").into(), "`..`"),
        (format!("{A}  /etc/passwd").into(), "outside the root"),
        (format!("{A}  /opt/xy").into(), "outside the root"),
        (format!("{A}  /opt/x/../y").into(), "`..`"),
        (format!("{A}  ").into(), "no name"),
        (A.into(), "no name"),
        (format!("{A}  .").into(), "no name"),
        (format!("SHA512 (a) = {A}").into(), "SHA512"),
        (format!("MD5(a)= {A}").into(), "MD5"),
        (format!("SHA256 (a) {A}").into(), "no `) = `"),
        (format!("SHA256 (a) = {short}").into(), "this has 63"),
        (format!("\\{A}  a\\tb").into(), "`\\t` is no escape"),
        (format!("\\{A}  a\\").into(), "is no escape"),
        (format!("{A}  {}", "a/".repeat(3000)).into(), "longer than 4095"),
    ];
    for (line, reason) in cases {
        let text = [format!("{A}  good\n").as_bytes(), line, b"\n"].concat();
        let parsed = parse(&text);
        let [finding] = &parsed.findings[..] else { panic!("{line:?}: {:?}", parsed.findings) };
        assert!(finding.message.contains(reason), "{}", finding.message);
        assert_eq!((finding.line, parsed.errors, finding.warning), (2, 1, false));
        assert_eq!(&text[finding.span.clone()], &line[..]);
        assert_eq!(names(&parsed.list), [b"good".to_vec()]);
    }
}

#[test]
fn ends_of_lines_are_one_kind() {
    let crlf = parse(format!("{A}  a\r\n\r\n{B}  b\r\n").as_bytes());
    assert_eq!((crlf.errors, crlf.findings.len()), (0, 1));
    assert_eq!(names(&crlf.list), [b"a", b"b"]);
    for mixed in [format!("{A}  a\r\n{B}  b\n"), format!("{A}  a\n{B}  b\r\n")] {
        let parsed = parse(mixed.as_bytes());
        assert_eq!((parsed.errors, parsed.findings[0].line), (1, 2), "{mixed:?}");
    }
}

#[test]
fn repetitions_are_warned_of_and_conflicts_refused() {
    let twice = parse(format!("{A}  ./a\n{A}  b\n{A}  a\n").as_bytes());
    assert_eq!((twice.errors, twice.repeated, twice.list.len()), (0, 1, 2));
    assert_eq!(twice.findings[0].message, "line 3: `a` is listed on line 1 already");
    let conflict = parse(format!("{A}  z\n{A}  a\n\n{B}  a\n{A}  aa\n").as_bytes());
    assert_eq!(conflict.errors, 1);
    assert_eq!(conflict.findings[0].message, "line 4: `a` has another digest on line 2");
    // However the lines are sorted, all of them are compared with the first.
    let parsed = parse(format!("{A}  a\n{B}  a\n{A}  a\n{B}  a\n{A}  a\n").as_bytes());
    let told: Vec<(usize, bool)> = parsed.findings.iter().map(|f| (f.line, f.warning)).collect();
    assert_eq!(told, [(2, false), (3, true), (4, false), (5, true)]);
    assert!(parsed.findings.iter().all(|f| f.message.contains("on line 1")));
}

#[test]
fn a_file_is_no_folder() {
    let parsed = parse(format!("{A}  a/b\n{A}  a\n{A}  a-b\n{A}  ab\n").as_bytes());
    assert_eq!((parsed.errors, parsed.findings[0].line), (1, 2));
    assert!(parsed.findings[0].message.contains("other names lie below it"));
    assert_eq!(parse(format!("{A}  a-/b\n{A}  a\n{A}  a-b\n").as_bytes()).errors, 0);
}

#[test]
fn every_bad_line_counts_and_fifty_are_shown() {
    let text = "bad\n".repeat(120);
    let parsed = parse(text.as_bytes());
    assert_eq!((parsed.errors, parsed.findings.len()), (120, 51));
    assert_eq!(parsed.findings[50].message, "and 70 more such lines");
}

#[test]
fn nul_ended_lists_are_read_when_asked_for() {
    let text = format!("{A}  a\nb\0{B}  \\c\0");
    let parsed = read(text.as_bytes(), b"/", Ending::Nul);
    assert_eq!(parsed.findings, []);
    assert_eq!(names(&parsed.list), [b"\\c".to_vec(), b"a\nb".to_vec()]);
    assert!(parse(text.as_bytes()).errors > 0);
}

#[test]
fn folders_end_where_their_names_end() {
    let text = format!("{A}  a-b/x\n{A}  a/x\n{A}  a/y\n{A}  ab\n");
    let list = parse(text.as_bytes()).list;
    assert_eq!(list.end_of_folder(0, 4, b"a-b/"), 1);
    assert_eq!(list.end_of_folder(1, 4, b"a/"), 3);
}

#[test]
fn entries_take_40_bytes_and_the_last_part_of_their_names() {
    assert_eq!(size_of::<Record>(), 40);
    let mut text = String::new();
    for index in 0..1000 {
        writeln!(text, "{A}  dir/{index:04}").expect("a string takes all");
    }
    let list = parse(text.as_bytes()).list;
    assert_eq!((list.records.capacity(), list.names.capacity()), (1000, 5 + 1000 * 5));
}

/// Comes in pieces of so many bytes; from the second reading on, with other digits.
struct Cut<'a>(&'a [u8], usize, Option<std::cell::Cell<usize>>);

impl Pieces for Cut<'_> {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    fn each(&self, take: &mut dyn FnMut(&[u8])) -> Result<(), String> {
        let again = self.2.as_ref().is_some_and(|times| times.replace(times.get() + 1) > 0);
        let other = self.0.to_ascii_uppercase();
        let text = if again { &other } else { self.0 };
        text.chunks(self.1).for_each(take);
        Ok(())
    }
}

#[test]
fn a_text_that_changes_between_two_readings_is_refused() {
    let text = format!("{A}  A\n{A}  B\n");
    let read =
        |text: &str, times| HashList::read(&Cut(text.as_bytes(), 7, times), b"/", Ending::Line);
    let times = || Some(std::cell::Cell::new(0));
    assert!(read(&text, times()).is_ok(), "read once: nothing asks for places");
    let twice = text.repeat(2);
    assert_eq!(read(&twice, None).map(|parsed| parsed.repeated), Ok(2));
    assert_eq!(read(&twice, times()), Err("it changed while it was read".to_owned()));
    let folder = format!("{text}{A}  A/B\n");
    assert_eq!(read(&folder, None).map(|parsed| parsed.errors), Ok(1));
    assert!(read(&folder, times()).is_err());
}

#[test]
fn lines_of_any_length_are_read_or_refused() {
    let filler = "x".repeat(lines::LINE_BYTES_MAX);
    let comment = format!("#{filler}\r");
    let dots = format!("{A}  {}a", "./".repeat((lines::LINE_BYTES_MAX - 67) / 2));
    assert!(dots.len() == lines::LINE_BYTES_MAX || dots.len() + 1 == lines::LINE_BYTES_MAX);
    for cut in [1000, usize::MAX >> 1] {
        let text = format!("{comment}\n{dots}\r\n{A}  b\r\n");
        let parsed = HashList::read(&Cut(text.as_bytes(), cut, None), b"/", Ending::Line);
        let parsed = parsed.expect("read");
        assert_eq!((parsed.errors, parsed.findings.len()), (0, 1), "{:?}", parsed.findings);
        assert_eq!(names(&parsed.list), [b"a", b"b"]);
        let text = format!("{A}  a\n{A}  {filler}\n{A}  b\n");
        let parsed = HashList::read(&Cut(text.as_bytes(), cut, None), b"/", Ending::Line);
        let parsed = parsed.expect("read");
        let [finding] = &parsed.findings[..] else { panic!("{:?}", parsed.findings) };
        assert!(finding.message.contains("longer than 65536 bytes"), "{}", finding.message);
        assert_eq!((finding.line, &text[finding.span.clone()]), (2, &*format!("{A}  {filler}")));
        assert_eq!(names(&parsed.list), [b"a", b"b"]);
    }
}

#[test]
fn a_folder_lies_there_once_for_the_lines_in_a_row_that_have_it() {
    let text = format!("{A}  d/a\n{A}  d/b\n{A}  d/e/c\n{A}  d/f\n{A}  g\n");
    let list = parse(text.as_bytes()).list;
    let parts: Vec<_> = (0..5).map(|at| (list.folder(at), list.leaf(at).to_bytes())).collect();
    let wanted: [(&[u8], &[u8]); 5] =
        [(b"d/", b"a"), (b"d/", b"b"), (b"d/e/", b"c"), (b"d/", b"f"), (b"", b"g")];
    assert_eq!(parts, wanted);
    assert_eq!(list.names.capacity(), "d/_a_b_d/e/_c_d/_f__g_".len());
}

fn escaped(digest: &str, name: &[u8]) -> Vec<u8> {
    let mut shown = Vec::new();
    for &byte in name {
        match byte {
            b'\\' => shown.extend(b"\\\\"),
            b'\n' => shown.extend(b"\\n"),
            b'\r' => shown.extend(b"\\r"),
            other => shown.push(other),
        }
    }
    let mark = if shown.len() > name.len() { "\\" } else { "" };
    [mark.as_bytes(), digest.as_bytes(), b"  ", &shown, b"\n"].concat()
}

fn name() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        Just(b'\\'),
        Just(b'\n'),
        Just(b'\r'),
        Just(b' '),
        Just(b'*'),
        Just(0xff),
        Just(b')'),
        Just(b'a')
    ];
    prop::collection::vec(byte, 1..8)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn names_round_trip(wanted in prop::collection::btree_set(name(), 1..20)) {
        let text: Vec<u8> = wanted.iter().rev().flat_map(|name| escaped(A, name)).collect();
        let parsed = parse(&text);
        prop_assert_eq!(&parsed.findings, &[]);
        prop_assert_eq!(names(&parsed.list), wanted.into_iter().collect::<Vec<_>>());
    }

    #[test]
    fn no_line_is_dropped(lines in prop::collection::vec(prop_oneof![
        "[0-9a-f]{63,65} [ *]?[./a-]{0,4}",
        "(SHA256|MD5|SHA2-256) ?\\([a) =]{0,6}\\)( =|=) [0-9a-f]{64}",
        "[ \t#\\\\]?[a-f0-9]{0,3}[^\r\n]{0,3}",
    ], 0..40)) {
        let text = lines.join("\n");
        let parsed = parse(text.as_bytes());
        let skipped = text.split('\n').filter(|line| line.is_empty() || line.starts_with('#')).count();
        let folders = parsed.findings.iter().filter(|f| f.message.contains("below it")).count();
        let bad = parsed.errors - folders;
        let lines = text.split('\n').count();
        prop_assert_eq!(parsed.list.len() + bad + parsed.repeated + skipped, lines);
    }

    /// Against the plain definitions: whole names, sorted as bytes, searched one by one.
    #[test]
    fn folders_and_last_parts_sort_and_search_as_whole_names_do(
        lines in prop::collection::vec(("[ab]", prop::collection::vec("[ab]{0,1}[-ab]", 1..4)), 1..30),
        cut in 1..90_usize,
    ) {
        let digest = |which: &str| if which == "a" { A } else { B };
        let lines: Vec<(&str, String)> =
            lines.iter().map(|(which, parts)| (digest(which), parts.join("/"))).collect();
        let mut text = String::new();
        for (digest, name) in &lines {
            writeln!(text, "{digest}  {name}").expect("a string takes all");
        }
        let parsed = HashList::read(&Cut(text.as_bytes(), cut, None), b"/opt/x", Ending::Line);
        let parsed = parsed.expect("read");
        prop_assert_eq!(&parsed, &parse(text.as_bytes()));
        prop_assert_eq!(parsed.digest, Digest::of(text.as_bytes()));
        let mut first = std::collections::BTreeMap::new();
        for (digest, name) in lines.iter().filter(|(_, name)| name != "-").rev() {
            first.insert(name.as_bytes().to_vec(), (*digest).to_owned());
        }
        let list = &parsed.list;
        let listed = (0..list.len()).map(|at| (list.name(at), list.digest(at).to_string()));
        prop_assert!(listed.eq(first.clone()), "{:?}", list);
        let below = |folder: &[u8], name: &Vec<u8>| name.starts_with(folder);
        for at in 0..list.len() {
            let folder = list.folder(at);
            prop_assert_eq!([folder, list.leaf(at).to_bytes()].concat(), list.name(at));
            let start = first.keys().position(|name| below(folder, name)).expect("this one");
            let count = first.keys().filter(|name| below(folder, name)).count();
            prop_assert_eq!(list.end_of_folder(start, list.len(), folder), start + count);
        }
        let is_folder = |name: &Vec<u8>| {
            let folder = [name.as_slice(), b"/"].concat();
            first.keys().any(|other| below(&folder, other))
        };
        let conflicts = parsed.findings.iter().filter(|f| f.message.contains("below it")).count();
        prop_assert_eq!(conflicts, first.keys().filter(|name| is_folder(name)).count());
        for finding in &parsed.findings {
            let shown = text.lines().nth(finding.line - 1).expect("a line");
            prop_assert_eq!(&text[finding.span.clone()], shown);
            let named = finding.message.split('`').nth(1).unwrap_or("-");
            prop_assert!(shown.ends_with(&format!("  {named}")), "{} {shown}", finding.message);
        }
    }

    #[test]
    fn nothing_panics(text in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = parse(&text);
        let _ = read(&text, b"/", Ending::Nul);
    }
}
