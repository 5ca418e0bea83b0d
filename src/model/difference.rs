//! What differs, typed: the result of comparing one resource with what was seen of it.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Digest, Timestamp, Unknown};

/// One field in which live and desired differ.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// What differs: an attribute, or for a tree the path below its root (escaped).
    pub field: String,
    /// What desired state says; null where it wants nothing there.
    pub desired: Value,
    /// What was seen; null where nothing is there.
    pub actual: Value,
    /// For an item of a list, such as a file of a tree: what happened to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<Change>,
    /// The line that was read, where content may be shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<Line>,
    /// The differing lines of a text that may be shown, as [`super::unified`] writes them.
    #[serde(rename = "unified_diff", skip_serializing_if = "Option::is_none")]
    pub unified: Option<String>,
    /// Do its values stand for more than they say, such as a count of changed files? Then what is there may change without
    /// them, and nobody can sign for exactly this.
    #[serde(skip)]
    pub partial: bool,
}

impl Difference {
    /// A plain difference of one attribute.
    pub fn new(
        field: impl Into<String>,
        desired: impl Into<Value>,
        actual: impl Into<Value>,
    ) -> Self {
        let (desired, actual) = (desired.into(), actual.into());
        Self {
            field: field.into(),
            desired,
            actual,
            change: None,
            line: None,
            unified: None,
            partial: false,
        }
    }

    /// The same, saying what happened to an item of a list, such as a file of a tree.
    #[must_use]
    pub fn changed(mut self, change: Change) -> Self {
        self.change = Some(change);
        self
    }

    /// The same, with the line it was read from.
    #[must_use]
    pub fn at(mut self, line: Option<Line>) -> Self {
        self.line = line;
        self
    }

    /// The same, whose values stand for more than they say.
    #[must_use]
    pub fn partial(mut self) -> Self {
        self.partial = true;
        self
    }

    /// The same, with the differing lines of a text that may be shown.
    #[must_use]
    pub fn unified(mut self, unified: Option<String>) -> Self {
        self.unified = unified;
        self
    }
}

/// What happened to one item of a list: a file of a tree, a member of what is declared to be all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Its content, or its type, is another.
    Changed,
    /// It is listed and not there.
    Missing,
    /// It is there and not listed.
    Unlisted,
    /// Its owner, group or mode is another.
    Metadata,
}

/// A line of a file that was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The file.
    pub file: String,
    /// Its number, from 1.
    pub number: u64,
    /// Its text, where the host's `show_content` allows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// A field of a resource that could not be told, beside others that could.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blind {
    /// Which field, or for a tree which path (escaped).
    pub field: String,
    /// Why not.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// How a verdict came to be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// From the attributes of a file or directory.
    #[default]
    Stat,
    /// Every byte was hashed now.
    Hashed,
    /// Every byte was hashed earlier, and the attributes have not changed since.
    StatCached,
    /// A file was parsed.
    Parsed,
    /// A database, a container engine or the manager of a running system answered.
    Queried,
    /// A command ran to its end.
    Ran,
}

/// The outcome of comparing one resource: nothing different and nothing blind means in sync.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Comparison {
    /// What differs, in a stable order.
    pub differences: Vec<Difference>,
    /// What could not be told. One is enough to make the resource Unknown.
    pub blind: Vec<Blind>,
    /// Totals, such as `listed` and `matched` of a tree.
    pub counts: Option<BTreeMap<&'static str, u64>>,
    /// More totals, under names that desired state chose.
    pub measured: BTreeMap<String, u64>,
    /// The last lines that a command printed (escaped), where they may be shown and say something about a difference.
    pub output: Vec<String>,
    /// In a few words what was seen, for the one-line form of a resource that is in sync.
    pub seen: Option<String>,
    /// How it was seen.
    pub evidence: Evidence,
    /// For [`Evidence::StatCached`]: when every byte was last hashed.
    pub hashed_since: Option<Timestamp>,
}

impl Comparison {
    /// Starts an empty comparison with its kind of evidence.
    #[must_use]
    pub fn by(evidence: Evidence) -> Self {
        Self { evidence, ..Self::default() }
    }

    /// Adds a difference when `desired` is set and is not what was seen.
    pub fn expect<T: PartialEq + Into<Value> + Clone>(
        &mut self,
        field: &str,
        desired: Option<&T>,
        actual: &T,
    ) {
        if let Some(desired) = desired
            && desired != actual
        {
            self.differences.push(Difference::new(field, desired.clone(), actual.clone()));
        }
    }

    /// As [`Comparison::expect`] for a text of which the empty one stands for none. Of several lines those that differ are
    /// shown.
    pub fn expect_text<S: AsRef<str> + ?Sized>(
        &mut self,
        field: &str,
        desired: Option<&String>,
        actual: Option<&S>,
    ) {
        let actual = actual.map(S::as_ref).unwrap_or_default();
        let Some(desired) = desired.filter(|desired| *desired != actual) else { return };
        let lines = (desired.contains('\n') || actual.contains('\n'))
            .then(|| super::unified(desired, actual));
        let shown = |text: &str| match text {
            "" => Value::Null,
            text => super::display::escape(text).into(),
        };
        let difference = Difference::new(field, shown(desired), shown(actual));
        self.differences.push(difference.unified(lines));
    }

    /// As [`Comparison::expect`] for what may not have been told: then the field is blind, where it is wanted at all.
    pub fn expect_told<T: PartialEq + Into<Value> + Clone>(
        &mut self,
        field: &str,
        desired: Option<&T>,
        actual: &Result<T, Unknown>,
    ) {
        match actual {
            Ok(actual) => self.expect(field, desired, actual),
            Err(unknown) if desired.is_some() => self.blind(field, unknown.clone()),
            Err(_) => {}
        }
    }

    /// Adds a field that could not be told.
    pub fn blind(&mut self, field: impl Into<String>, unknown: Unknown) {
        self.blind.push(Blind { field: field.into(), unknown });
    }
}

/// A piece of observed content: always its digest, the text itself only where the host lets it be shown.
///
/// Content is cut down to this when it is observed, so that nothing later can show what it never held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// SHA-256 of the bytes.
    pub sha256: Digest,
    /// The value, where showing it is allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shown: Option<Value>,
}

impl Content {
    /// Cuts `value` down to what may be shown.
    #[must_use]
    pub fn of(value: &Value, may_show: bool) -> Self {
        Self { sha256: Self::digest(value), shown: may_show.then(|| value.clone()) }
    }

    /// The same for a text of unknown origin: what is shown of it is escaped, its digest is of the text itself.
    #[must_use]
    pub fn of_text(text: &str, may_show: bool) -> Self {
        let shown = may_show.then(|| Value::from(super::display::escape(text)));
        Self { sha256: Self::digest(&Value::from(text)), shown }
    }

    /// The digest under which a value is compared: of its JSON, so that `"1"` is not `1`.
    #[must_use]
    pub fn digest(value: &Value) -> Digest {
        Digest::of(value.to_string().as_bytes())
    }

    /// The difference to `desired`, if any. Both sides become digests where the content may not be shown.
    #[must_use]
    pub fn differs(&self, field: &str, desired: &Value) -> Option<Difference> {
        let wanted = Self::digest(desired);
        if wanted == self.sha256 {
            return None;
        }
        Some(match &self.shown {
            Some(shown) => Difference::new(field, desired.clone(), shown.clone()),
            None => Difference::new(field, format!("{wanted:?}"), format!("{:?}", self.sha256)),
        })
    }
}

/// A path as text for a field or a message: escaped, so that it prints on one line.
#[must_use]
pub fn shown_path(path: &Path) -> String {
    use std::os::unix::ffi::OsStrExt as _;
    super::display::escape_bytes(path.as_os_str().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_empty_text_stands_for_none() {
        let expected = |desired: Option<&str>, actual: Option<&str>| {
            let mut found = Comparison::default();
            found.expect_text("comment", desired.map(str::to_owned).as_ref(), actual);
            let line = |d: Difference| (d.desired, d.actual, d.unified.is_some());
            found.differences.into_iter().map(line).collect::<Vec<_>>()
        };
        for (desired, actual) in
            [(None, Some("x")), (Some(""), None), (Some(""), Some("")), (Some("x"), Some("x"))]
        {
            assert_eq!(expected(desired, actual), [], "{desired:?} {actual:?}");
        }
        assert_eq!(expected(Some(""), Some("x")), [(Value::Null, json!("x"), false)]);
        assert_eq!(expected(Some("x"), None), [(json!("x"), Value::Null, false)]);
        let hostile = expected(Some("a"), Some("a\nb\u{202e}"));
        assert_eq!(hostile, [(json!("a"), json!("a\\nb\\u{202e}"), true)]);
    }

    #[test]
    fn hidden_content_shows_digests_on_both_sides() {
        let content = Content::of(&json!("hunter2"), false);
        let difference = content.differs("value", &json!("other")).expect("they differ");
        let text = serde_json::to_string(&difference).expect("plain data");
        assert!(
            text.contains("sha256:") && !text.contains("hunter2") && !text.contains("other"),
            "{text}"
        );
        assert_eq!(content.differs("value", &json!("hunter2")), None);
    }

    #[test]
    fn text_is_compared_as_it_is_and_shown_escaped() {
        let content = Content::of_text("a\u{1b}b", true);
        assert_eq!(content.differs("value", &json!("a\u{1b}b")), None);
        assert_eq!(content.shown, Some(json!("a\\u{1b}b")));
        assert_eq!(Content::of_text("a", false).shown, None);
    }

    #[test]
    fn a_number_is_not_its_text() {
        let content = Content::of(&json!(1), true);
        assert!(content.differs("value", &json!("1")).is_some());
        assert!(content.differs("value", &json!(1)).is_none());
    }
}
