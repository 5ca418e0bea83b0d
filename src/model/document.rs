//! TOML with places: parsed once, decoded table by table, every error reported with its bytes.
//!
//! Serde stops at the first error of a table. Here unknown and missing keys are found against the JSON Schema of the type
//! first, and a key of the wrong type is set aside so that the next one is reported as well.

mod fields;
mod substitute;

use std::any::TypeId;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use super::{Code, Diagnostic, Span};

pub use substitute::{SUBSTITUTED_BYTES_MAX, filled};

/// What decoding found; without an error among it the decoded value is there.
pub type Decoded = Vec<Diagnostic>;

/// A table of a document, with the bytes of each key and value.
#[derive(Debug, Clone)]
pub struct Table<'t> {
    file: Arc<str>,
    header: Span,
    entries: DeTable<'t>,
    also_known: &'static [&'static str],
}

/// Parses a file. What could be read comes back beside the errors.
#[must_use]
pub fn parse<'t>(file: &str, text: &'t str) -> (Table<'t>, Vec<Diagnostic>) {
    let (root, errors) = DeTable::parse_recoverable(text);
    let mut found: Vec<Diagnostic> = errors.iter().map(|error| syntax(file, error)).collect();
    found.sort_by_key(|diagnostic| diagnostic.span);
    keep_first_of_line(text, &mut found);
    let mut root = root.into_inner();
    root.iter_mut().for_each(|(_, value)| dates_to_text(value));
    let header = 0..text.find('\n').unwrap_or(text.len());
    let table = Table { file: file.into(), header, entries: root, also_known: &[] };
    (table, found)
}

/// One misplaced character makes the parser stumble several times on its line; the first stumble is the cause.
///
/// One pass over the text, however many there are: hostile text has an error on each of a million lines.
fn keep_first_of_line(text: &str, sorted: &mut Vec<Diagnostic>) {
    let mut last = None;
    sorted.retain(|diagnostic| {
        let at = diagnostic.span.0;
        let since = last.replace(at).map(|last| text.as_bytes().get(last..at).unwrap_or_default());
        since.is_none_or(|since| since.contains(&b'\n'))
    });
}

fn syntax(file: &str, error: &toml::de::Error) -> Diagnostic {
    let span = error.span().unwrap_or(0..0);
    match error.message() {
        message if message.starts_with("duplicate key") => {
            Diagnostic::error(Code::Duplicate, file, span, message.to_owned())
                .hint("a key or table stands only once; remove one of the two")
        }
        message if message.starts_with("invalid unquoted key") => Diagnostic::error(
            Code::Syntax,
            file,
            span,
            message.to_owned(),
        )
        .hint(
            "put quotes around a name that holds anything else, as in [directory.\"/var/lib/x\"]",
        ),
        message => Diagnostic::error(Code::Syntax, file, span, message.to_owned()),
    }
}

/// `2026-12-31` without quotes means what it means with them: dates are text to whoever reads them.
fn dates_to_text(value: &mut Spanned<DeValue<'_>>) {
    match value.get_mut() {
        DeValue::Datetime(date) => *value.get_mut() = DeValue::String(date.to_string().into()),
        DeValue::Array(items) => items.iter_mut().for_each(dates_to_text),
        DeValue::Table(table) => table.iter_mut().for_each(|(_, item)| dates_to_text(item)),
        _ => {}
    }
}

/// Reads bytes as UTF-8.
///
/// # Errors
/// An error at the first byte that is none.
pub fn utf8<'t>(file: &str, bytes: &'t [u8]) -> Result<&'t str, Diagnostic> {
    std::str::from_utf8(bytes).map_err(|e| {
        let at = e.valid_up_to();
        Diagnostic::error(Code::Encoding, file, at..at + 1, format!("byte {} is not UTF-8", at + 1))
    })
}

impl<'t> Table<'t> {
    /// The file it stands in.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The bytes of the key under which the table stands.
    #[must_use]
    pub fn header(&self) -> Span {
        self.header.clone()
    }

    /// Its keys with their bytes, in the order of the text.
    #[must_use]
    pub fn keys(&self) -> Vec<(String, Span)> {
        let mut keys: Vec<_> =
            self.entries.keys().map(|k| (k.get_ref().to_string(), k.span())).collect();
        keys.sort_by_key(|(_, span)| span.start);
        keys
    }

    /// Has it no keys at all?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The bytes of the value of a key.
    #[must_use]
    pub fn value_span(&self, key: &str) -> Option<Span> {
        self.entries.get(key).map(Spanned::span)
    }

    /// The bytes of one item of a list, counted from 0.
    #[must_use]
    pub fn item_span(&self, key: &str, at: usize) -> Option<Span> {
        match self.value(key)? {
            DeValue::Array(items) => items.get(at).map(Spanned::span),
            _ => None,
        }
    }

    /// The value of a key.
    #[must_use]
    pub fn value(&self, key: &str) -> Option<&DeValue<'t>> {
        self.entries.get(key).map(Spanned::get_ref)
    }

    /// The table under a key, or an error that says what stands there instead.
    ///
    /// # Errors
    /// When something else than a table stands there.
    pub fn table(&self, key: &str) -> Result<Option<Self>, Diagnostic> {
        let Some((name, value)) = self.entries.get_key_value(key) else { return Ok(None) };
        match value.get_ref() {
            DeValue::Table(entries) => Ok(Some(Self {
                file: Arc::clone(&self.file),
                header: name.span(),
                entries: entries.clone(),
                also_known: &[],
            })),
            other => Err(Diagnostic::error(
                Code::WrongType,
                self.file(),
                value.span(),
                format!("`{key}` is a table, not {}", describe(other)),
            )),
        }
    }

    /// Parts the table in two: the keys named, and the others. Both know of each other's keys when they suggest one.
    #[must_use]
    pub fn split(mut self, keys: &'static [&'static str]) -> (Self, Self) {
        let mut taken = DeTable::new();
        for key in keys {
            if let Some((name, value)) = self.entries.remove_entry(*key) {
                taken.insert(name, value);
            }
        }
        let first = Self {
            file: Arc::clone(&self.file),
            header: self.header(),
            entries: taken,
            also_known: &[],
        };
        self.also_known = keys;
        (first, self)
    }

    /// Decodes the table, and reports everything that is wrong with it.
    #[must_use]
    pub fn decode<T: DeserializeOwned + JsonSchema + 'static>(&self) -> (Option<T>, Decoded) {
        if let Some(value) = self.decode_flawless() {
            return (Some(value), Vec::new());
        }
        let keys = keys_of::<T>();
        let mut found = Vec::new();
        let mut entries = self.entries.clone();
        for (name, span) in self.keys() {
            if !keys.known.contains(&name) {
                found.push(self.unknown_key(&name, span, &keys));
                entries.remove(name.as_str());
            }
        }
        for key in &keys.required {
            if !entries.contains_key(key.as_str()) {
                let message = format!("`{key}` is missing");
                found.push(Diagnostic::error(
                    Code::MissingKey,
                    self.file(),
                    self.header(),
                    message,
                ));
            }
        }
        let value = self.decode_known(entries, &keys, &mut found);
        if found.is_empty() { (value, found) } else { (None, found) }
    }

    /// Decodes a table with which nothing is wrong, and `None` for any other. A schema takes longer to make than most tables
    /// to decode, so it is only asked what is wrong.
    fn decode_flawless<T: DeserializeOwned + JsonSchema + 'static>(&self) -> Option<T> {
        let known = fields::fields_of::<T>()?;
        debug_assert!(keys_of::<T>().are(known), "the schema has other keys than {known:?}");
        if !self.entries.keys().all(|key| known.contains(&key.get_ref().as_ref())) {
            return None;
        }
        let value = Spanned::new(self.header(), DeValue::Table(self.entries.clone()));
        let value = T::deserialize(ValueDeserializer::from(value)).ok()?;
        let has = |key: &String| self.entries.contains_key(key.as_str());
        debug_assert!(keys_of::<T>().required.iter().all(has), "the schema requires more");
        Some(value)
    }

    /// Decodes a table whose keys are of the writer's own choosing, each value by itself.
    #[must_use]
    pub fn decode_free<T: DeserializeOwned>(&self) -> (Option<BTreeMap<String, T>>, Decoded) {
        let mut found = Vec::new();
        let mut values = BTreeMap::new();
        for (key, value) in &self.entries {
            match T::deserialize(ValueDeserializer::from(value.clone())) {
                Ok(decoded) => {
                    values.insert(key.get_ref().to_string(), decoded);
                }
                Err(error) => {
                    let message = format!("`{}`: {}", key.get_ref(), error.message());
                    let span = error.span().unwrap_or_else(|| value.span());
                    found.push(Diagnostic::error(Code::WrongType, self.file(), span, message));
                }
            }
        }
        if found.is_empty() { (Some(values), found) } else { (None, found) }
    }

    fn decode_known<T: DeserializeOwned>(
        &self,
        mut entries: DeTable<'t>,
        keys: &Keys,
        found: &mut Decoded,
    ) -> Option<T> {
        loop {
            let value = Spanned::new(self.header(), DeValue::Table(entries.clone()));
            let error = match T::deserialize(ValueDeserializer::from(value)) {
                Ok(value) => return Some(value),
                Err(error) => error,
            };
            let Some(culprit) = error.span().and_then(|span| key_around(&entries, &span)) else {
                // Without a culprit it is about the table as a whole: a key that is missing, which is known already.
                if !keys.required.iter().any(|key| !entries.contains_key(key.as_str())) {
                    let message = error.message().to_owned();
                    found.push(Diagnostic::error(
                        Code::WrongType,
                        self.file(),
                        self.header(),
                        message,
                    ));
                }
                return None;
            };
            let span = error.span().unwrap_or_else(|| self.header());
            let code = if error.message().starts_with("unknown field") {
                Code::UnknownKey
            } else {
                Code::WrongType
            };
            let message = format!("`{culprit}`: {}", error.message());
            found.push(Diagnostic::error(code, self.file(), span, message));
            entries.remove(culprit.as_str());
        }
    }

    fn unknown_key(&self, name: &str, span: Span, keys: &Keys) -> Diagnostic {
        let known = keys.known.iter().map(String::as_str).chain(self.also_known.iter().copied());
        let mut known: Vec<&str> = known.collect();
        known.sort_unstable();
        Diagnostic::error(Code::UnknownKey, self.file(), span, format!("unknown key `{name}`"))
            .suggest(name, known)
    }
}

/// The key whose value holds these bytes.
fn key_around(entries: &DeTable<'_>, span: &Span) -> Option<String> {
    entries
        .iter()
        .find(|(key, value)| {
            let (key, value) = (key.span(), value.span());
            (value.start <= span.start && span.end <= value.end)
                || (key.start <= span.start && span.end <= key.end)
        })
        .map(|(key, _)| key.get_ref().to_string())
}

fn describe(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a float",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}

/// Which keys a type has, by its JSON Schema.
struct Keys {
    known: BTreeSet<String>,
    required: Vec<String>,
}

impl Keys {
    fn are(&self, names: &[&str]) -> bool {
        self.known.len() == names.len() && names.iter().all(|name| self.known.contains(*name))
    }
}

fn keys_of<T: JsonSchema + 'static>() -> Arc<Keys> {
    static CACHE: LazyLock<Mutex<HashMap<TypeId, Arc<Keys>>>> = LazyLock::new(Mutex::default);
    let mut cache = CACHE.lock().unwrap_or_else(PoisonError::into_inner);
    let keys = cache.entry(TypeId::of::<T>()).or_insert_with(|| {
        let schema = schemars::schema_for!(T);
        let known = schema.get("properties").and_then(|properties| properties.as_object());
        let known = known.map(|properties| properties.keys().cloned().collect());
        let required = schema.get("required").and_then(|names| names.as_array()).map(|names| {
            names.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect()
        });
        Arc::new(Keys { known: known.unwrap_or_default(), required: required.unwrap_or_default() })
    });
    Arc::clone(keys)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Lines;
    use serde::Deserialize;

    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only decoded")]
    struct Thing {
        owner: String,
        mode: Option<crate::model::Mode>,
        count: Option<u32>,
    }

    fn decode(text: &str) -> Vec<String> {
        let (table, mut found) = parse("x.toml", text);
        if found.is_empty() {
            found = table.decode::<Thing>().1;
        }
        found
            .iter()
            .map(|d| {
                let (line, column) = Lines::of(text.to_owned()).place(d.span.0);
                let hint = d.hint.as_deref().unwrap_or("-");
                format!("{} {line}:{column} {} ({hint})", d.code, d.message)
            })
            .collect()
    }

    #[test]
    fn every_error_of_a_table_is_reported() {
        let found = decode("onwer = \"root\"\nmode = 750\ncount = \"many\"\n");
        assert_eq!(
            found,
            [
                "CS0003 1:1 unknown key `onwer` (did you mean `owner`?)",
                "CS0005 1:1 `owner` is missing (-)",
                "CS0004 3:9 `count`: invalid type: string \"many\", expected u32 (-)",
                "CS0004 2:8 `mode`: invalid type: integer `750`, expected an octal mode of 3 or 4 digits as text, such as \"0750\" (-)",
            ]
        );
    }

    #[test]
    fn a_good_table_has_no_errors() {
        assert_eq!(decode("owner = \"root\"\nmode = \"0750\"\n"), [""; 0]);
        assert_eq!(decode("owner = \"root\"\nmode = \"0790\"\n").len(), 1);
    }

    #[test]
    fn syntax_errors_and_duplicates_are_all_reported() {
        let found = decode("a = \nb = 1\nb = 2\nc = = 3\n");
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(found[1].starts_with("CS0006 3:1"), "{found:?}");
    }

    #[test]
    fn values_are_put_in_place_and_unknown_ones_reported() {
        let text = "a = \"x ${values.one} y ${values.tow}\"\nb = [\"${values.two}\"]\n";
        let values = [("one", "1"), ("two", "2")].map(|(k, v)| (k.to_owned(), v.to_owned()));
        let (mut table, _) = parse("x.toml", text);
        let mut found = Vec::new();
        table.substitute(text, &BTreeMap::from(values), &mut 100, &mut found);
        assert_eq!(table.value("a").and_then(DeValue::as_str), Some("x 1 y "));
        assert_eq!(found.len(), 1);
        assert_eq!(Lines::of(text.to_owned()).place(found[0].span.0), (1, 24));
        assert_eq!(found[0].hint.as_deref(), Some("did you mean `two`?"));
    }

    #[test]
    fn values_cannot_grow_beyond_the_limit() {
        let text =
            "a = [\"${values.v}${values.v}${values.v}\", \"${values.v}\"]\nb = \"${values.v}\"\n";
        let values = BTreeMap::from([("v".to_owned(), "x".repeat(10))]);
        let errors = |mut room: usize| {
            let (mut table, mut found) = parse("x.toml", text);
            table.substitute(text, &values, &mut room, &mut found);
            found.iter().map(|d| d.code).collect::<Vec<_>>()
        };
        assert_eq!(errors(50), []);
        assert_eq!(errors(49), [Code::Limit]);
        assert!(errors(9).iter().all(|code| *code == Code::Limit), "whatever is left is an error");
    }

    #[test]
    fn only_the_first_error_of_a_line_is_kept() {
        let text = "a b c\nd e f\n\nx";
        let at = |at| Diagnostic::error(Code::Syntax, "x", at..at + 1, "bad");
        let mut found = [0, 2, 4, 6, 10, 13].map(at).to_vec();
        keep_first_of_line(text, &mut found);
        assert_eq!(found.iter().map(|d| d.span.0).collect::<Vec<_>>(), [0, 6, 13]);
    }
}
