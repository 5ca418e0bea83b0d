//! Lists whose order counts: columns, attributes, the labels of an enum. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::Problem;
use crate::model::display::escape;
use crate::model::{Change, Code, Comparison, Difference, RelationName};

/// An item: its name, and what it is; nothing for an item that is only a name.
pub(super) type Item = (String, String);

/// The name and the type of `id integer` and `"odd name" text`.
pub(super) fn typed(text: &str) -> Item {
    let end = match text.strip_prefix('"') {
        // A doubled quote is followed by more of the name.
        Some(inside) => inside.replace("\"\"", "__").find('"').map_or(text.len(), |at| at + 2),
        None => text.find(' ').unwrap_or(text.len()),
    };
    let (name, of_type) = text.split_at(end);
    (name.to_owned(), of_type.trim_start().to_owned())
}

/// Checks a list of names with types.
pub(super) fn check_typed(key: &str, list: Option<&Vec<String>>, problems: &mut Vec<Problem>) {
    let items: Vec<Item> = list.into_iter().flatten().map(|text| typed(text)).collect();
    for (name, of_type) in &items {
        if let Err(why) = RelationName::parse(&format!("s.{name}")) {
            let message = format!("`{}`: {}", escape(name), why.replace("`s.", "`"));
            problems.push(Problem::key(key, Code::BadName, message));
        } else if of_type.is_empty() {
            let message = format!("`{}` has no type: write as in \"id integer\"", escape(name));
            problems.push(Problem::key(key, Code::WrongType, message));
        }
    }
    check_once(key, items.iter().map(|(name, _)| name), problems);
}

/// Refuses an item that is listed twice.
pub(super) fn check_once<'a>(
    key: &str,
    names: impl IntoIterator<Item = &'a String>,
    problems: &mut Vec<Problem>,
) {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            let message = format!("`{}` is listed twice", escape(name));
            problems.push(Problem::key(key, Code::Contradiction, message));
        }
    }
}

/// One difference for each item that is missing, not listed or another; and one for the order of what both have.
pub(super) fn compare(field: &str, wanted: &[Item], is: &[Item], found: &mut Comparison) {
    let by_name = |items: &[Item]| -> BTreeMap<String, String> { items.iter().cloned().collect() };
    let (listed, there) = (by_name(wanted), by_name(is));
    let place = |name: &str| format!("{field}.{}", escape(name));
    let shown = |what: &str| match what {
        "" => Value::from("present"),
        what => Value::from(escape(what)),
    };
    for (name, what) in wanted {
        match there.get(name) {
            None => found.differences.push(
                Difference::new(place(name), shown(what), Value::Null).changed(Change::Missing),
            ),
            Some(is) if is != what => {
                found.differences.push(Difference::new(place(name), shown(what), shown(is)));
            }
            Some(_) => {}
        }
    }
    for (name, what) in is.iter().filter(|(name, _)| !listed.contains_key(name)) {
        let unlisted = Difference::new(place(name), Value::Null, shown(what));
        found.differences.push(unlisted.changed(Change::Unlisted));
    }
    let common = |items: &[Item], other: &BTreeMap<String, String>| -> Vec<String> {
        let names = items.iter().map(|(name, _)| name);
        names
            .filter(|name| other.contains_key(*name))
            .map(|name| escape(name).into_owned())
            .collect()
    };
    let (wanted, is) = (common(wanted, &there), common(is, &listed));
    if wanted != is {
        found.differences.push(Difference::new(field, json!(wanted), json!(is)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_end_where_their_quotes_do() {
        for (text, name, of_type) in [
            ("id integer", "id", "integer"),
            ("total numeric(10,2)", "total", "numeric(10,2)"),
            (r#""a ""b"" c" public."T""#, r#""a ""b"" c""#, r#"public."T""#),
            ("id", "id", ""),
            ("\"open", "\"open", ""),
        ] {
            assert_eq!(typed(text), (name.to_owned(), of_type.to_owned()), "{text}");
        }
        let codes = |items: &[&str]| {
            let items = items.iter().map(ToString::to_string).collect();
            let mut problems = Vec::new();
            check_typed("columns", Some(&items), &mut problems);
            problems.into_iter().map(|problem| problem.code).collect::<Vec<_>>()
        };
        assert_eq!(codes(&["id integer", "\"Id\" text"]), []);
        assert_eq!(codes(&["id"]), [Code::WrongType]);
        assert_eq!(codes(&["Id text"]), [Code::BadName]);
        assert_eq!(codes(&["id text", "id text"]), [Code::Contradiction]);
    }

    #[test]
    fn items_and_their_order_are_compared() {
        let lines = |wanted: &[&str], is: &[&str]| {
            let items = |items: &[&str]| items.iter().map(|text| typed(text)).collect::<Vec<_>>();
            let mut found = Comparison::default();
            compare("columns", &items(wanted), &items(is), &mut found);
            let line = |d: &Difference| format!("{} {} {}", d.field, d.desired, d.actual);
            found.differences.iter().map(line).collect::<Vec<_>>().join("; ")
        };
        assert_eq!(lines(&["a int", "b int"], &["a int", "b int"]), "");
        assert_eq!(lines(&["a int"], &["a text"]), r#"columns.a "int" "text""#);
        let moved = r#"columns.c null "present"; columns ["a","b"] ["b","a"]"#;
        assert_eq!(lines(&["a", "b"], &["b", "c", "a"]), moved);
        assert_eq!(lines(&["a", "x\ny"], &["a"]), r#"columns.x\ny "present" null"#);
    }
}
