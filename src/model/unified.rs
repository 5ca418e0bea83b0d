//! The differing lines of two texts, in the notation of `diff -u`.

use std::fmt::Write as _;

use similar::{Algorithm, DiffOp, DiffTag};

use super::display::{escape, escaped_line};

/// Longer texts are not compared line by line.
const BYTES_MAX: usize = 256 << 10;
/// Texts of more lines neither.
const LINES_MAX: usize = 5_000;
/// Equal lines around each difference.
const CONTEXT_LINES: usize = 3;

/// What has to happen to `desired` so that it becomes `actual`: lines that start with `-` are wanted, those with `+` were
/// found. Empty when both are the same.
///
/// Each line is escaped, so a text can neither move a cursor nor pass for a line that it is not; a carriage return shows
/// as `\r`. A line that starts with a backslash is a remark, as `diff` writes it. Beyond 256 KiB or 5,000 lines of either
/// side there is only such a remark, with the limit.
#[must_use]
pub fn unified(desired: &str, actual: &str) -> String {
    lines_of(desired, actual, |line| escape(line).into_owned())
}

/// The same of texts that were escaped before: their backslashes stay.
#[must_use]
pub fn unified_escaped(desired: &str, actual: &str) -> String {
    lines_of(desired, actual, |line| escaped_line(line, usize::MAX))
}

fn lines_of(desired: &str, actual: &str, show: fn(&str) -> String) -> String {
    if desired == actual {
        return String::new();
    }
    let (old, new) = (lines(desired), lines(actual));
    if desired.len().max(actual.len()) > BYTES_MAX || old.len().max(new.len()) > LINES_MAX {
        return format!(
            "\\ not compared by line: more than {BYTES_MAX} bytes or {LINES_MAX} lines\n"
        );
    }
    let operations = similar::capture_diff_slices(Algorithm::Myers, &old, &new);
    let mut text = String::from("--- wanted\n+++ found\n");
    for hunk in similar::group_diff_ops(operations, CONTEXT_LINES) {
        write_hunk(&hunk, (&old, &new), show, &mut text);
    }
    text
}

/// Lines with their ends. Only `\n` ends one, whatever else a text may hold.
fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

fn write_hunk(
    hunk: &[DiffOp],
    (old, new): (&[&str], &[&str]),
    show: fn(&str) -> String,
    text: &mut String,
) {
    let (Some(first), Some(last)) = (hunk.first(), hunk.last()) else { return };
    let wanted = first.old_range().start..last.old_range().end;
    let found = first.new_range().start..last.new_range().end;
    let _ = writeln!(text, "@@ -{} +{} @@", place(&wanted), place(&found));
    for operation in hunk {
        let (wanted, found) = (&old[operation.old_range()], &new[operation.new_range()]);
        if operation.tag() == DiffTag::Equal {
            write_lines(' ', wanted, show, text);
        } else {
            write_lines('-', wanted, show, text);
            write_lines('+', found, show, text);
        }
    }
}

fn write_lines(sign: char, lines: &[&str], show: fn(&str) -> String, text: &mut String) {
    for line in lines {
        let (line, end) = match line.strip_suffix('\n') {
            Some(line) => (line, ""),
            None => (*line, "\\ no newline at the end\n"),
        };
        let _ = write!(text, "{sign}{}\n{end}", show(line));
    }
}

/// First line and count, as `diff` writes them: an empty range is named by the line before it.
fn place(range: &std::ops::Range<usize>) -> String {
    match range.len() {
        0 => format!("{},0", range.start),
        1 => format!("{}", range.start + 1),
        count => format!("{},{count}", range.start + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hunks_have_context_and_places() {
        let old = (1..=20).map(|n| n.to_string()).collect::<Vec<_>>().join("\n") + "\n";
        let new = old.replace("\n4\n", "\nfour\n").replace("\n18\n", "\n");
        let expected = "--- wanted\n+++ found\n@@ -1,7 +1,7 @@\n 1\n 2\n 3\n-4\n+four\n 5\n 6\n 7\n\
                        @@ -15,6 +15,5 @@\n 15\n 16\n 17\n-18\n 19\n 20\n";
        assert_eq!(unified(&old, &new), expected);
        assert_eq!(unified(&old, &old), "");
        assert_eq!(unified("", "a\n"), "--- wanted\n+++ found\n@@ -0,0 +1 @@\n+a\n");
        assert_eq!(unified("a\n", ""), "--- wanted\n+++ found\n@@ -1 +0,0 @@\n-a\n");
    }

    #[test]
    fn a_missing_newline_is_a_difference_that_can_be_seen() {
        let expected = "--- wanted\n+++ found\n@@ -1 +1 @@\n-a\n+a\n\\ no newline at the end\n";
        assert_eq!(unified("a\n", "a"), expected);
    }

    #[test]
    fn hostile_lines_stay_lines() {
        let diff = unified("x\n", "\u{1b}[2J\r@@ -1 +1 @@\u{202e}\\\ty\n");
        assert!(diff.ends_with("-x\n+\\u{1b}[2J\\r@@ -1 +1 @@\\u{202e}\\\\\\ty\n"), "{diff}");
    }

    #[test]
    fn beyond_the_limits_there_is_a_remark() {
        let many = "a\n".repeat(LINES_MAX + 1);
        let long = "a".repeat(BYTES_MAX + 1);
        for text in [many, long] {
            let remark = unified("", &text);
            assert_eq!((remark.lines().count(), &remark[..2]), (1, "\\ "), "{remark}");
        }
        let (old, new) = ("a\nb\n".repeat(LINES_MAX / 2), "c\nd\n".repeat(LINES_MAX / 2));
        assert_eq!(unified(&old, &new).lines().count(), 2 * LINES_MAX + 3);
    }
}
