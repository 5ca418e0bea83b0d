//! Options of relations and columns: `NAME=VALUE` in the catalogs, and NULL where there is none.

use std::collections::BTreeMap;

use crate::model::Content;

/// Options by their names. Each name stands once: PostgreSQL sees to it.
pub(super) fn of(list: &[String]) -> BTreeMap<String, String> {
    pairs(list).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// The same as digests, for what may be a secret.
pub(super) fn digests(list: &[String]) -> BTreeMap<String, Content> {
    pairs(list).map(|(name, value)| (name.to_owned(), Content::of_text(value, false))).collect()
}

fn pairs(list: &[String]) -> impl Iterator<Item = (&str, &str)> {
    list.iter().map(|option| option.split_once('=').unwrap_or((option, "")))
}
