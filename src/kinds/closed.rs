//! Names that are patterns, and the closed world: "these are all the listeners".
//!
//! A name with a `*` stands for everything that it matches, `*` for any text, slashes included. Its table lists with
//! `only` what of that may exist: what is there and not listed is a difference, and so is what is listed and not there.

use std::collections::{BTreeMap, BTreeSet};

use super::{Problem, presence};
use crate::model::display::escape;
use crate::model::{Change, Code, Comparison, Difference};

/// The most entries of an `only`, and the most differences of one list.
pub(super) const ITEMS_MAX: usize = 10_000;

/// Does this name stand for everything that it matches?
pub(super) fn is_pattern(name: &str) -> bool {
    name.contains('*')
}

/// Does the pattern match the whole of `text`?
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let mut pieces = pattern.split('*');
    let Some(mut rest) = pieces.next().and_then(|first| text.strip_prefix(first)) else {
        return false;
    };
    let Some(last) = pieces.next_back() else { return rest.is_empty() };
    for piece in pieces {
        let Some(at) = rest.find(piece) else { return false };
        rest = &rest[at + piece.len()..];
    }
    rest.ends_with(last)
}

/// Checks the keys of a table whose name may be a pattern: `only` belongs to patterns, the keys of one thing do not.
pub(super) fn check(
    name: &str,
    only: Option<&Vec<String>>,
    of_one: &[(&str, bool)],
    problems: &mut Vec<Problem>,
) {
    let Some(only) = only else {
        if is_pattern(name) {
            let message = "the name is a pattern, and nothing says what of it may exist";
            problems.push(
                Problem::resource(Code::MissingKey, message)
                    .hint("list everything that it may match in `only`; `only = []` is none"),
            );
        }
        return;
    };
    if !is_pattern(name) {
        let message = "`only` is about everything that a pattern matches, and the name has no `*`";
        problems.push(Problem::key("only", Code::Contradiction, message));
        return;
    }
    for (key, set) in of_one {
        if *set {
            let message = format!("`{key}` is about one thing, and the name is a pattern");
            let hint = "give that thing a table of its own beside this one";
            problems.push(Problem::key(key, Code::Contradiction, message).hint(hint));
        }
    }
    check_items(name, only, problems);
}

/// As [`check`], of things that may be wanted to be absent: one of which nothing else is said.
pub(super) fn check_present(
    name: &str,
    (present, only): (bool, Option<&Vec<String>>),
    of_one: &[(&str, bool)],
    problems: &mut Vec<Problem>,
) {
    presence::check(present, of_one, problems);
    check(name, only, &[of_one, &[("present", !present)]].concat(), problems);
}

fn check_items(name: &str, only: &[String], problems: &mut Vec<Problem>) {
    if only.len() > ITEMS_MAX {
        let message = format!("`only` has {} entries, at most {ITEMS_MAX} are taken", only.len());
        problems.push(Problem::key("only", Code::WrongType, message));
    }
    let mut listed = BTreeSet::new();
    for item in only {
        if !matches(name, item) {
            let message = format!("the name does not match `{}` of `only`", escape(item));
            problems.push(Problem::key("only", Code::Contradiction, message));
        }
        if !listed.insert(item) {
            let message = format!("`{}` is listed twice", escape(item));
            let mut problem = Problem::key("only", Code::Redundant, message);
            problem.warning = true;
            problems.push(problem);
        }
    }
}

/// Compares a closed list with what was seen: names, each with what is worth saying about it when it is not listed.
pub(super) fn compare(
    only: &[String],
    seen: &BTreeMap<String, Option<String>>,
    found: &mut Comparison,
) {
    let listed: BTreeSet<&str> = only.iter().map(String::as_str).collect();
    let unlisted = seen.iter().filter(|(name, _)| !listed.contains(name.as_str()));
    let unlisted = unlisted.map(|(name, about)| {
        let about = about.as_deref().map_or_else(|| "present".into(), escape);
        Difference::new(escape(name), serde_json::Value::Null, about.into_owned())
            .changed(Change::Unlisted)
            .partial()
    });
    let missing = listed.iter().filter(|name| !seen.contains_key(**name));
    let missing = missing.map(|name| {
        Difference::new(escape(name), "present", serde_json::Value::Null).changed(Change::Missing)
    });
    let mut differences: Vec<Difference> = unlisted.chain(missing).collect();
    let more = differences.len().saturating_sub(ITEMS_MAX);
    differences.truncate(ITEMS_MAX);
    found.differences.append(&mut differences);
    if more > 0 {
        let actual = format!("{more} more differences, which are counted and not kept");
        found
            .differences
            .push(Difference::new("(more)", serde_json::Value::Null, actual).partial());
    }
    let matched = listed.iter().filter(|name| seen.contains_key(**name)).count();
    found.seen = Some(match (listed.len(), seen.len() - matched) {
        (0, 0) => "none".to_owned(),
        (listed, 0) => format!("{matched}/{listed}"),
        (listed, unlisted) => format!("{matched}/{listed}, {unlisted} unlisted"),
    });
    let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    found.counts = Some(BTreeMap::from([
        ("listed", count(listed.len())),
        ("matched", count(matched)),
        ("unlisted", count(seen.len() - matched)),
    ]));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, text) in [
            ("*", ""),
            ("cutter*", "cutter-a.service"),
            ("*cutter*", "x cutter/y"),
            ("a*b*c", "abbc"),
        ] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in
            [("cutter*", "xcutter"), ("a*b*c", "acb"), ("ab", "abc"), ("a*a", "a"), ("[a]*", "a")]
        {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn a_list_is_compared_in_both_directions() {
        let seen = BTreeMap::from([("a".to_owned(), None), ("b".to_owned(), Some("pid 1".into()))]);
        let mut found = Comparison::default();
        compare(&["a".into(), "c".into()], &seen, &mut found);
        let lines: Vec<_> = found
            .differences
            .iter()
            .map(|d| format!("{} {} {} {:?}", d.field, d.desired, d.actual, d.change))
            .collect();
        assert_eq!(lines, ["b null \"pid 1\" Some(Unlisted)", "c \"present\" null Some(Missing)"]);
        assert_eq!(found.seen.as_deref(), Some("1/2, 1 unlisted"));
    }

    #[test]
    fn only_and_patterns_belong_together() {
        let codes = |name: &str, only: Option<Vec<String>>, set: bool| {
            let mut problems = Vec::new();
            check(name, only.as_ref(), &[("owner", set)], &mut problems);
            problems.iter().map(|p| p.code.to_string()).collect::<Vec<_>>()
        };
        let only = |items: &[&str]| Some(items.iter().map(ToString::to_string).collect());
        assert!(codes("a", None, true).is_empty());
        assert!(codes("a*", only(&["ab"]), false).is_empty());
        assert_eq!(codes("a*", None, false).len(), 1);
        assert_eq!(codes("a", only(&["a"]), false).len(), 1);
        assert_eq!(codes("a*", only(&["ab"]), true).len(), 1);
        assert_eq!(codes("a*", only(&["b"]), false).len(), 1);
        assert_eq!(codes("a*", only(&["ab", "ab"]), false).len(), 1);
    }
}
