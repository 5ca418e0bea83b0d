//! Editing files of desired state so that whatever else stands in them stays.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;
use toml_edit::{Array, DocumentMut, InlineTable, Item, Key, Table};

use super::{AdoptError, Outcome, Wanted};
use crate::desired::{DatabaseIdentity, Tree};
use crate::model::display::{escaped_line, is_hidden};

/// What a new file opens with.
const OPENING: &str = "# Written by `countersign adopt`, and from now on what is wanted: edit it as you like. Adopted again, a table keeps its\n\
                       # comments and its own keys.\n\n";
/// An array longer than this stands on several lines.
const ARRAY_WIDTH_MAX: usize = 90;

/// The files that are being edited.
pub(super) struct Editing<'a> {
    tree: &'a Tree,
    open: BTreeMap<String, DocumentMut>,
}

impl<'a> Editing<'a> {
    pub(super) fn new(tree: &'a Tree) -> Self {
        Self { tree, open: BTreeMap::new() }
    }

    pub(super) fn finish(self) -> impl Iterator<Item = (String, Vec<u8>)> {
        self.open.into_iter().map(|(path, document)| (path, document.to_string().into_bytes()))
    }

    /// Begins the `host.toml` of a host that had none.
    pub(super) fn host(&mut self, file: &str, hostname: Option<&str>) {
        let mut document = DocumentMut::new();
        let mut host = Table::new();
        if let Some(hostname) = hostname {
            let mut identity = InlineTable::new();
            identity.insert("hostname", string(hostname));
            host.insert("identity", Item::Value(identity.into()));
        }
        document.insert("host", Item::Table(host));
        self.open.insert(file.to_owned(), document);
    }

    /// Says which database is meant by a name.
    pub(super) fn database(
        &mut self,
        file: &str,
        name: &str,
        is: &DatabaseIdentity,
    ) -> Result<(), AdoptError> {
        let databases = self
            .open(file)?
            .entry("database")
            .or_insert_with(|| Item::Table(implicit()))
            .as_table_like_mut()
            .ok_or_else(|| unusable(file, "the key `database` is no table"))?;
        let mut identity = InlineTable::new();
        for (key, value) in [("system_identifier", &is.system_identifier), ("name", &is.name)] {
            if let Some(value) = value {
                identity.insert(key, string(value));
            }
        }
        let mut table = Table::new();
        table.insert("identity", Item::Value(identity.into()));
        databases.entry_format(&key(name)).or_insert(Item::Table(table));
        Ok(())
    }

    /// Adds a table at the end of a file, which may be a new one.
    pub(super) fn add(&mut self, file: &str, wanted: &Wanted) -> Result<Outcome, AdoptError> {
        let document = self.open(file)?;
        let mut table = Table::new();
        for (key, value) in &wanted.draft.keys {
            if let Some(item) = item(value) {
                table.insert(key, item);
            }
        }
        if let Some(comment) = &wanted.draft.comment {
            let blank = if document.is_empty() { "" } else { "\n" };
            table.decor_mut().set_prefix(format!("{blank}{}", commented(comment)));
        }
        let kinds = document
            .entry(&wanted.name.kind)
            .or_insert_with(|| Item::Table(implicit()))
            .as_table_like_mut()
            .ok_or_else(|| unusable(file, "a key of the name of the kind is no table"))?;
        kinds.entry_format(&key(&wanted.name.name)).or_insert(Item::Table(table));
        Ok(Outcome::Added)
    }

    /// Changes the keys that a table has and that say something else. A key that it has not is not wanted in it.
    pub(super) fn change(&mut self, file: &str, wanted: &Wanted) -> Result<Outcome, AdoptError> {
        let document = self.open(file)?;
        let table = document
            .get_mut(&wanted.name.kind)
            .and_then(Item::as_table_like_mut)
            .and_then(|kind| kind.get_mut(&wanted.name.name))
            .and_then(Item::as_table_like_mut)
            .ok_or_else(|| unusable(file, "the table is not where it was read"))?;
        let same = |there: &Item, new: &Item| plain(there) == plain(new);
        let mut outcome = Outcome::LeftAlone;
        let says_present = wanted.draft.keys.iter().any(|(key, _)| *key == "present");
        if let Some(present) = table.get_mut("present").filter(|_| !says_present)
            && present.as_bool() == Some(false)
        {
            replace(present, Item::Value(true.into()));
            outcome = Outcome::Changed;
        }
        for (key, value) in &wanted.draft.keys {
            let (Some(there), Some(new)) = (table.get_mut(key), item(value)) else { continue };
            if same(there, &new) {
                continue;
            }
            if plain(there).is_some_and(|text| text.contains("${")) {
                return Ok(Outcome::LeftAlone);
            }
            replace(there, new);
            outcome = Outcome::Changed;
        }
        // The table may name a file, and that file becomes another.
        let renewed =
            wanted.draft.files.iter().any(|(path, _)| {
                table.iter().any(|(_, item)| item.as_str() == Some(path.as_str()))
            });
        Ok(if renewed { Outcome::Changed } else { outcome })
    }

    fn open(&mut self, file: &str) -> Result<&mut DocumentMut, AdoptError> {
        if !self.open.contains_key(file) {
            let document = match self.tree.text(file) {
                None => {
                    let mut new = DocumentMut::new();
                    new.decor_mut().set_prefix(OPENING);
                    new
                }
                Some(text) => {
                    text.parse().map_err(|e: toml_edit::TomlError| unusable(file, e.message()))?
                }
            };
            self.open.insert(file.to_owned(), document);
        }
        self.open.get_mut(file).ok_or_else(|| unusable(file, "it is not open"))
    }
}

fn unusable(file: &str, why: &str) -> AdoptError {
    AdoptError::File { file: file.to_owned(), why: why.to_owned() }
}

/// A table of which only the tables in it are written.
fn implicit() -> Table {
    let mut table = Table::new();
    table.set_implicit(true);
    table
}

/// Puts a new value in the place of an old one; what stands behind it on its line stays.
fn replace(there: &mut Item, new: Item) {
    match (there, new) {
        (Item::Value(old), Item::Value(mut new)) => {
            *new.decor_mut() = old.decor().clone();
            *old = new;
        }
        (there, new) => *there = new,
    }
}

/// A value without its comments and blanks, for comparing.
fn plain(item: &Item) -> Option<String> {
    let mut value = item.as_value()?.clone();
    value.decor_mut().clear();
    if let Some(array) = value.as_array_mut() {
        let bare: Array = array
            .iter()
            .map(|one| {
                let mut one = one.clone();
                one.decor_mut().clear();
                one
            })
            .collect();
        return Some(bare.to_string());
    }
    Some(value.to_string())
}

/// What a kind says may be escaped already, for it says the same in reports.
fn commented(comment: &str) -> String {
    let lines = comment.lines().map(|line| format!("# {}\n", escaped_line(line, usize::MAX)));
    lines.collect::<Vec<_>>().concat()
}

/// A JSON value as TOML. Null is nothing, and nothing holds one.
fn item(value: &Value) -> Option<Item> {
    Some(Item::Value(toml_value(value)?))
}

fn toml_value(value: &Value) -> Option<toml_edit::Value> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(value) => (*value).into(),
        Value::String(text) => string(text),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => whole.into(),
            (None, Some(float)) => float.into(),
            (None, None) => return None,
        },
        Value::Array(items) => {
            let array: Array = items.iter().filter_map(toml_value).collect();
            laid_out(array).into()
        }
        Value::Object(keys) => {
            let pairs = keys.iter().filter_map(|(k, v)| Some((key(k), toml_value(v)?)));
            pairs.collect::<InlineTable>().into()
        }
    })
}

/// A text. What would move or hide other text, and what nobody would see, is written as an escape: TOML lets most of it
/// stand as it is.
fn string(text: &str) -> toml_edit::Value {
    literal(text).and_then(|literal| literal.parse().ok()).unwrap_or_else(|| text.into())
}

/// A key, likewise.
fn key(name: &str) -> Key {
    literal(name).and_then(|literal| literal.parse().ok()).unwrap_or_else(|| Key::new(name))
}

/// As a string of TOML with escapes; `None` where nothing in it is hidden but the ends of lines and tabs.
fn literal(text: &str) -> Option<String> {
    if !text.chars().any(|c| is_hidden(c) && !matches!(c, '\n' | '\t')) {
        return None;
    }
    let mut literal = "\"".to_owned();
    for c in text.chars() {
        match c {
            '"' | '\\' => literal.extend(['\\', c]),
            '\n' => literal.push_str("\\n"),
            '\t' => literal.push_str("\\t"),
            c if is_hidden(c) => {
                let code = u32::from(c);
                let _ = match code {
                    0..=0xffff => write!(literal, "\\u{code:04X}"),
                    _ => write!(literal, "\\U{code:08X}"),
                };
            }
            c => literal.push(c),
        }
    }
    literal.push('"');
    Some(literal)
}

/// One item a line where they would not fit on one.
fn laid_out(mut array: Array) -> Array {
    if array.to_string().len() > ARRAY_WIDTH_MAX {
        for item in array.iter_mut() {
            item.decor_mut().set_prefix("\n    ");
        }
        array.set_trailing("\n");
        array.set_trailing_comma(true);
    }
    array
}
