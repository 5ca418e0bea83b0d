//! An object as a block of text: what people read in a manifest and in a difference, and what digests cover.
//!
//! The first line, which nothing indents, is the title; what the object has stands below it, indented, one key a line. A
//! text of several lines stands as an indented block behind `|`. Two objects have the same block only when they are the
//! same: every line says how deep it stands, and what could be taken for something else is escaped.

use std::fmt::{self, Write as _};

use serde::ser::{self, Serialize};

use crate::model::Digest;
use crate::model::display::escape;

/// How deep each level stands.
const STEP: usize = 2;

/// What of an object is left out.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Without<'a> {
    /// Keys that the title says already.
    pub(super) titled: &'a [&'a str],
    /// Its owner, wherever it stands in it.
    pub(super) owner: bool,
    /// Its comment, and those of its parts.
    pub(super) comments: bool,
}

/// Writes the block of an object.
///
/// # Errors
/// When the object is of a form that no class of objects has.
pub(super) fn write(
    title: &str,
    object: &impl Serialize,
    without: Without<'_>,
    out: &mut String,
) -> Result<(), Unwritable> {
    let node = object.serialize(Writer)?;
    let _ = writeln!(out, "{}", escape(title));
    if let Node::Fields(mut all) = node {
        all.retain(|(key, _)| !without.titled.contains(&key.as_str()));
        fields(&all, STEP, false, without, out);
    }
    Ok(())
}

/// Writes the block of an object of an extension: whose it is, and one digest of everything else but comments.
///
/// # Errors
/// As [`write`].
pub(super) fn write_condensed(
    title: &str,
    object: &impl Serialize,
    without: Without<'_>,
    out: &mut String,
) -> Result<(), Unwritable> {
    let written = |owner: bool| {
        let mut text = String::new();
        let without = Without { owner: !owner, comments: true, ..without };
        write(title, object, without, &mut text).map(|()| text)
    };
    let digest = Digest::of(written(false)?.as_bytes());
    let _ = writeln!(out, "{}", escape(title));
    if !without.owner
        && let Some(line) = written(true)?.lines().find(|line| line.starts_with("  owner: "))
    {
        let _ = writeln!(out, "{line}");
    }
    let _ = writeln!(out, "  of_extension: {digest:?}");
    Ok(())
}

/// A value with its keys in the order in which they were declared.
enum Node {
    Nothing,
    Text(String),
    List(Vec<Self>),
    Fields(Vec<(String, Self)>),
}

/// Keys with values, one below the other. Behind the dash of an item, the first stands on the same line.
fn fields(
    all: &[(String, Node)],
    depth: usize,
    dashed: bool,
    without: Without<'_>,
    out: &mut String,
) {
    let left_out = |key: &str, node: &Node| match key {
        _ if matches!(node, Node::Nothing) => true,
        "owner" => without.owner,
        "comment" | "comments" => without.comments,
        _ => false,
    };
    let mut dashed = dashed;
    for (key, node) in all.iter().filter(|(key, node)| !left_out(key, node)) {
        if std::mem::take(&mut dashed) {
            out.push(' ');
        } else {
            indent(depth, out);
        }
        if key.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_') {
            out.push_str(key);
        } else {
            // No quote that the name holds can end it.
            let _ = write!(out, "\"{}\"", line_of(&key.replace('"', "\"\"")));
        }
        out.push(':');
        value(node, depth + STEP, without, out);
    }
    if dashed {
        out.push('\n');
    }
}

/// What stands behind a key, or behind the dash of an item.
fn value(node: &Node, depth: usize, without: Without<'_>, out: &mut String) {
    match node {
        Node::Nothing => out.push_str(" null\n"),
        Node::Text(text) => write_text(text, depth, out),
        Node::List(items) if items.is_empty() => out.push_str(" []\n"),
        Node::Fields(all) if all.is_empty() => out.push_str(" {}\n"),
        Node::List(items) => {
            out.push('\n');
            for item in items {
                indent(depth, out);
                out.push('-');
                match item {
                    Node::Fields(all) => fields(all, depth + STEP, true, without, out),
                    other => value(other, depth + STEP, without, out),
                }
            }
        }
        Node::Fields(all) => {
            out.push('\n');
            fields(all, depth, false, without, out);
        }
    }
}

/// A text of one line behind its key; any other as a block, whose empty lines are empty.
fn write_text(text: &str, depth: usize, out: &mut String) {
    let plain = !text.is_empty() && !text.contains('\n');
    if plain && !matches!(text, "|" | "[]" | "{}" | "null") {
        let _ = writeln!(out, " {}", line_of(text));
        return;
    }
    out.push_str(" |\n");
    for line in text.split('\n') {
        if !line.is_empty() {
            indent(depth, out);
            out.push_str(&line_of(line));
        }
        out.push('\n');
    }
}

fn indent(depth: usize, out: &mut String) {
    out.extend(std::iter::repeat_n(' ', depth));
}

/// What hides or moves text is escaped; tabs stay, for bodies are indented with them.
fn line_of(text: &str) -> std::borrow::Cow<'_, str> {
    if text.contains('\t') {
        let parts: Vec<_> = text.split('\t').map(escape).collect();
        return parts.join("\t").into();
    }
    escape(text)
}

/// An object of a form that is not written.
#[derive(Debug, thiserror::Error)]
#[error("an object cannot be written as text: {0}")]
pub(super) struct Unwritable(String);

impl ser::Error for Unwritable {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

/// Takes an object apart. Unlike JSON, it keeps the order of the keys.
struct Writer;

type Made = Result<Node, Unwritable>;

macro_rules! scalars {
    ($($name:ident: $type:ty),*) => {
        $(fn $name(self, value: $type) -> Made { Ok(Node::Text(value.to_string())) })*
    };
}

impl ser::Serializer for Writer {
    type Ok = Node;
    type Error = Unwritable;
    type SerializeSeq = Items;
    type SerializeTuple = Items;
    type SerializeTupleStruct = Items;
    type SerializeTupleVariant = Items;
    type SerializeMap = Keys;
    type SerializeStruct = Keys;
    type SerializeStructVariant = Keys;

    scalars!(serialize_bool: bool, serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64, serialize_f32: f32,
        serialize_f64: f64, serialize_char: char, serialize_str: &str);

    fn serialize_bytes(self, _: &[u8]) -> Made {
        Err(Unwritable("it holds bytes".to_owned()))
    }
    fn serialize_none(self) -> Made {
        Ok(Node::Nothing)
    }
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Made {
        value.serialize(self)
    }
    fn serialize_unit(self) -> Made {
        Ok(Node::Nothing)
    }
    fn serialize_unit_struct(self, _: &'static str) -> Made {
        Ok(Node::Nothing)
    }
    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Made {
        Ok(Node::Text(variant.to_owned()))
    }
    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Made {
        value.serialize(self)
    }
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Made {
        Ok(Node::Fields(vec![(variant.to_owned(), value.serialize(Self)?)]))
    }
    fn serialize_seq(self, length: Option<usize>) -> Result<Items, Unwritable> {
        Ok(Items { of: None, items: Vec::with_capacity(length.unwrap_or_default()) })
    }
    fn serialize_tuple(self, length: usize) -> Result<Items, Unwritable> {
        self.serialize_seq(Some(length))
    }
    fn serialize_tuple_struct(self, _: &'static str, length: usize) -> Result<Items, Unwritable> {
        self.serialize_seq(Some(length))
    }
    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Items, Unwritable> {
        Ok(Items { of: Some(variant), items: Vec::with_capacity(length) })
    }
    fn serialize_map(self, _: Option<usize>) -> Result<Keys, Unwritable> {
        Ok(Keys { of: None, key: String::new(), fields: Vec::new() })
    }
    fn serialize_struct(self, _: &'static str, length: usize) -> Result<Keys, Unwritable> {
        Ok(Keys { of: None, key: String::new(), fields: Vec::with_capacity(length) })
    }
    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Keys, Unwritable> {
        Ok(Keys { of: Some(variant), ..self.serialize_struct(variant, length)? })
    }
}

/// A list under way.
struct Items {
    of: Option<&'static str>,
    items: Vec<Node>,
}

impl Items {
    fn add<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unwritable> {
        self.items.push(value.serialize(Writer)?);
        Ok(())
    }

    fn finish(self) -> Node {
        let list = Node::List(self.items);
        match self.of {
            Some(variant) => Node::Fields(vec![(variant.to_owned(), list)]),
            None => list,
        }
    }
}

/// Keys with values, under way.
struct Keys {
    of: Option<&'static str>,
    key: String,
    fields: Vec<(String, Node)>,
}

impl Keys {
    fn add<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) -> Result<(), Unwritable> {
        self.fields.push((key.to_owned(), value.serialize(Writer)?));
        Ok(())
    }

    fn finish(self) -> Node {
        let fields = Node::Fields(self.fields);
        match self.of {
            Some(variant) => Node::Fields(vec![(variant.to_owned(), fields)]),
            None => fields,
        }
    }
}

macro_rules! collecting {
    ($($trait:ident, $add:ident, $of:ty;)*) => {
        $(impl ser::$trait for $of {
            type Ok = Node;
            type Error = Unwritable;
            fn $add<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unwritable> {
                self.add(value)
            }
            fn end(self) -> Made { Ok(self.finish()) }
        })*
    };
}

collecting! {
    SerializeSeq, serialize_element, Items;
    SerializeTuple, serialize_element, Items;
    SerializeTupleStruct, serialize_field, Items;
    SerializeTupleVariant, serialize_field, Items;
}

macro_rules! keyed {
    ($($trait:ident),*) => {
        $(impl ser::$trait for Keys {
            type Ok = Node;
            type Error = Unwritable;
            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                key: &'static str,
                value: &T,
            ) -> Result<(), Unwritable> {
                self.add(key, value)
            }
            fn end(self) -> Made { Ok(self.finish()) }
        })*
    };
}

keyed!(SerializeStruct, SerializeStructVariant);

impl ser::SerializeMap for Keys {
    type Ok = Node;
    type Error = Unwritable;
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Unwritable> {
        match key.serialize(Writer)? {
            Node::Text(key) => {
                self.key = key;
                Ok(())
            }
            _ => Err(Unwritable("a key is no text".to_owned())),
        }
    }
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unwritable> {
        let key = std::mem::take(&mut self.key);
        self.fields.push((key, value.serialize(Writer)?));
        Ok(())
    }
    fn end(self) -> Made {
        Ok(self.finish())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use serde::Serialize;

    use super::*;

    #[derive(Serialize)]
    struct Part {
        name: &'static str,
        comment: Option<&'static str>,
    }

    #[derive(Serialize)]
    struct Thing {
        schema: &'static str,
        owner: &'static str,
        strict: bool,
        absent: Option<u8>,
        settings: Vec<&'static str>,
        body: &'static str,
        parts: Vec<Part>,
        options: BTreeMap<&'static str, &'static str>,
        none: [&'static str; 0],
    }

    fn thing() -> Thing {
        Thing {
            schema: "public",
            owner: "app",
            strict: false,
            absent: None,
            settings: vec!["a=b", "c=\nd"],
            body: "BEGIN\n\tx;\n\nEND\n",
            parts: vec![Part { name: "id", comment: Some("the key") }],
            options: BTreeMap::from([("fill\"factor", "70")]),
            none: [],
        }
    }

    fn written(without: Without<'_>) -> String {
        let mut out = String::new();
        write("thing public.\"a\nb\"", &thing(), without, &mut out).expect("it can be written");
        out
    }

    #[test]
    fn a_block_reads_from_top_to_bottom() {
        let without = Without { titled: &["schema"], ..Without::default() };
        let expected = "thing public.\"a\\nb\"\n  owner: app\n  strict: false\n  settings:\n    - a=b\n    - |\n      c=\n      d\n  \
                        body: |\n    BEGIN\n    \tx;\n\n    END\n\n  parts:\n    - name: id\n      comment: the key\n  \
                        options:\n    \"fill\"\"factor\": 70\n  none: []\n";
        assert_eq!(written(without), expected);
        let without = Without { titled: &[], owner: true, comments: true };
        let shorter = written(without);
        assert!(!shorter.contains("owner") && !shorter.contains("comment"), "{shorter}");
    }

    /// Texts that could be taken for one another, each as the value of one key.
    #[test]
    fn different_texts_have_different_blocks() {
        let texts = [
            "",
            "\n",
            "\n\n",
            "|",
            " |",
            "[]",
            "{}",
            "null",
            "a",
            "a\n",
            "\na",
            "a\n\n",
            "  a",
            "a\n  b: c",
            "a\nb: c",
            "a\\nb",
            "a\nb",
            "a\\\nb",
            "a\tb",
            "a\\tb",
            "a\rb",
            "a\\rb",
            "\u{202e}a",
            "\\u{202e}a",
            "|\n    a",
            "- a",
        ];
        let block = |text: &str| {
            let mut out = String::new();
            let object = BTreeMap::from([("key", text), ("next", "x")]);
            write("t", &object, Without::default(), &mut out).expect("it can be written");
            out
        };
        let blocks: BTreeSet<String> = texts.iter().map(|text| block(text)).collect();
        assert_eq!(blocks.len(), texts.len(), "{blocks:#?}");
        for block in blocks {
            // Nothing but the title stands at the margin.
            let margin = block.lines().filter(|line| !line.is_empty() && !line.starts_with(' '));
            assert_eq!(margin.count(), 1, "{block}");
            assert!(!block.contains('\r'), "{block}");
        }
    }
}
