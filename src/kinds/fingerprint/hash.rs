//! The bytes that a fingerprint is the SHA-256 of. Every text has its length before it and NULL a mark of its own, so that
//! no two results have the same bytes. Pure.

use std::iter::once;

use super::Seen;
use crate::model::Digest;
use crate::probe::postgres::Rows;

/// Changes with every change of what follows it.
const FORMAT: &[u8] = b"countersign.fingerprint 1\n";

/// Hashes rows, with the names of their columns where a table has them. Without an order of their own they are sorted by
/// their bytes.
pub(super) fn rows(columns: Option<&[String]>, rows: &Rows, ordered: bool) -> Seen {
    let row = |row: &Vec<Option<String>>| fields(row.iter().map(Option::as_deref));
    let mut encoded: Vec<Vec<u8>> = rows.iter().map(row).collect();
    if !ordered {
        encoded.sort_unstable();
    }
    let names = columns.into_iter().flatten().map(|name| Some(name.as_str()));
    let mut bytes = FORMAT.to_vec();
    for row in once(&fields(names)).chain(&encoded) {
        prefixed(row, &mut bytes);
    }
    let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    let text = rows.iter().flatten().flatten().map(String::len).sum();
    Seen::Hashed {
        sha256: Digest::of(&bytes),
        rows: count(rows.len()),
        bytes: count(text),
        columns: columns.map(|columns| count(columns.len())),
    }
}

fn fields<'a>(fields: impl Iterator<Item = Option<&'a str>>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for field in fields {
        match field {
            None => bytes.push(0),
            Some(text) => {
                bytes.push(1);
                prefixed(text.as_bytes(), &mut bytes);
            }
        }
    }
    bytes
}

/// The length, as eight bytes with the largest first, and the bytes.
fn prefixed(part: &[u8], bytes: &mut Vec<u8>) {
    bytes.extend(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
    bytes.extend(part);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(columns: Option<&[&str]>, table: &[&[Option<&str>]], ordered: bool) -> String {
        let columns: Option<Vec<String>> =
            columns.map(|columns| columns.iter().map(ToString::to_string).collect());
        let table: Rows = table
            .iter()
            .map(|row| row.iter().map(|field| field.map(str::to_owned)).collect())
            .collect();
        match rows(columns.as_deref(), &table, ordered) {
            Seen::Hashed { sha256, .. } => sha256.to_string(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_format_is_what_the_page_says() {
        // Computed by another program from the description in fingerprint.md.
        let found = of(Some(&["a"]), &[&[Some("xy")], &[None]], false);
        assert_eq!(found, "552e87280f94ba1adb9a3e64b2f0806bfc80726f3707844d9f1a1aa1f5acecdc");
    }

    #[test]
    fn no_two_results_have_one_digest() {
        let (a, b) = (Some("a"), Some("b"));
        let results: [&[&[Option<&str>]]; 13] = [
            &[],
            &[&[]],
            &[&[], &[]],
            &[&[None]],
            &[&[Some("")]],
            &[&[a, None, b]],
            &[&[a, b, None]],
            &[&[None, a, b]],
            &[&[a, b]],
            &[&[Some("ab")]],
            &[&[a], &[b]],
            &[&[a, Some("")], &[b]],
            &[&[Some("a\u{1}b")]],
        ];
        let mut digests: Vec<String> = results.iter().map(|rows| of(None, rows, false)).collect();
        digests.push(of(Some(&["a"]), &[], false));
        digests.push(of(Some(&["a"]), &[&[a]], false));
        digests.push(of(Some(&["b"]), &[&[a]], false));
        let count = digests.len();
        digests.sort_unstable();
        digests.dedup();
        assert_eq!(digests.len(), count);
    }

    #[test]
    fn the_order_of_rows_counts_only_where_it_shall() {
        let (one, other) = ([Some("1")], [Some("2")]);
        let there: [&[Option<&str>]; 2] = [&one, &other];
        let back: [&[Option<&str>]; 2] = [&other, &one];
        assert_eq!(of(None, &there, false), of(None, &back, false));
        assert_ne!(of(None, &there, true), of(None, &back, true));
    }
}
