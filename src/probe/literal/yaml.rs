//! YAML: a value under a dotted path, typed by the core schema of YAML 1.2.
//!
//! Built on the events of a parser, because a data model would keep the last of two equal keys in silence and know no
//! lines. Anchors are followed as far as a bound allows. What another version or another reader would take for another
//! value decides nothing: merge keys, keys that stand twice, tags of applications, numbers with a leading zero.

use std::borrow::Cow;
use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Tag};
use serde_json::{Map, Value};

use super::{DEPTH_MAX, LiteralError, Place, line_at, number, path};

/// How many values a file may have.
const NODES_MAX: usize = 200_000;
/// How large one value may become once its aliases are followed, each value in it counted with some bytes of its own.
const VALUE_BYTES_MAX: usize = 16 << 20;
const NODE_BYTES: usize = 64;
/// The key that takes in another mapping, for those who know it.
const MERGE: &str = "<<";

pub(super) fn check(key: &str) -> Result<(), String> {
    path::parts(key).map(|_| ())
}

pub(super) fn read(text: &str, key: &str) -> Result<Option<Place>, LiteralError> {
    let parts = path::parts(key).map_err(|what| LiteralError::undecidable(1, what))?;
    check_text(text)?;
    let document = Document::parse(text)?;
    document.find(&parts)
}

/// All of a document; `None` for an empty one.
pub(super) fn whole(text: &str) -> Result<Option<Value>, LiteralError> {
    check_text(text)?;
    let document = Document::parse(text)?;
    let mut budget = VALUE_BYTES_MAX;
    document.root.map(|root| document.json(root, 0, &mut budget)).transpose()
}

/// Refuses what would change the meaning of everything below it.
fn check_text(text: &str) -> Result<(), LiteralError> {
    let lone = |(at, _): &(usize, &str)| text.as_bytes().get(at + 1) != Some(&b'\n');
    if let Some((at, _)) = text.match_indices('\r').find(lone) {
        let what = "a carriage return that ends no line everywhere";
        return Err(LiteralError::undecidable(line_at(text.as_bytes(), at), what));
    }
    for (index, line) in text.lines().enumerate() {
        let number = u64::try_from(index).unwrap_or(u64::MAX).saturating_add(1);
        if line.starts_with("%TAG") || (line.starts_with("%YAML") && line.trim_end() != "%YAML 1.2")
        {
            let what = "a directive of tags, or of another version than YAML 1.2";
            return Err(LiteralError::undecidable(number, what));
        }
    }
    Ok(())
}

/// All values of a file. Indices lead from one to another.
struct Document<'t> {
    nodes: Vec<Node<'t>>,
    root: Option<usize>,
}

struct Node<'t> {
    line: u64,
    form: Form<'t>,
}

enum Form<'t> {
    /// Its text, and whether it is text whatever it looks like.
    Scalar(Cow<'t, str>, bool),
    Sequence(Vec<usize>),
    Mapping(Vec<(usize, usize)>),
    Alias(usize),
    /// A value whose meaning is an application's.
    Tagged,
}

/// What is being built: a sequence or mapping, and in a mapping the key that waits for its value.
struct Open {
    node: usize,
    key: Option<usize>,
}

impl<'t> Document<'t> {
    fn parse(text: &'t str) -> Result<Self, LiteralError> {
        let mut document = Self { nodes: Vec::new(), root: None };
        let mut open: Vec<Open> = Vec::new();
        let mut anchors: BTreeMap<usize, usize> = BTreeMap::new();
        for event in Parser::new_from_str(text) {
            // The parser's own message is not passed on: it may quote the text.
            let (event, span) = event.map_err(|error| {
                let line = u64::try_from(error.marker().line()).unwrap_or(u64::MAX);
                LiteralError::malformed(line, "the text is not valid YAML")
            })?;
            let line = u64::try_from(span.start.line()).unwrap_or(u64::MAX);
            let (form, anchor, opens) = match event {
                Event::Scalar(text, style, anchor, tag) => {
                    (scalar(text, style, tag), anchor, false)
                }
                Event::SequenceStart(anchor, tag) => {
                    (collection(Form::Sequence(Vec::new()), "seq", tag), anchor, true)
                }
                Event::MappingStart(anchor, tag) => {
                    (collection(Form::Mapping(Vec::new()), "map", tag), anchor, true)
                }
                Event::Alias(anchor) => {
                    let what = "an alias of an anchor that is not there";
                    let node = anchors.get(&anchor);
                    let node = node.ok_or_else(|| LiteralError::malformed(line, what))?;
                    (Form::Alias(*node), 0, false)
                }
                Event::SequenceEnd | Event::MappingEnd => {
                    open.pop();
                    continue;
                }
                Event::DocumentStart(_) if document.root.is_some() => {
                    let what = "a second document begins, and the path does not say which is meant";
                    return Err(LiteralError::undecidable(line, what));
                }
                _ => continue,
            };
            let node = document.add(line, form, &mut open)?;
            // Anchors are numbered from 1; 0 stands for none.
            if anchor > 0 {
                anchors.insert(anchor, node);
            }
            if opens {
                open.push(Open { node, key: None });
                if open.len() > DEPTH_MAX {
                    return Err(LiteralError::too_deep(line));
                }
            }
        }
        Ok(document)
    }

    /// Adds a value where the innermost open one expects it.
    fn add(&mut self, line: u64, form: Form<'t>, open: &mut [Open]) -> Result<usize, LiteralError> {
        let node = self.nodes.len();
        if node >= NODES_MAX {
            let what = format!("more than {NODES_MAX} values");
            return Err(LiteralError::undecidable(line, what));
        }
        self.nodes.push(Node { line, form });
        match open.last_mut() {
            None => self.root = Some(node),
            Some(open) => match &mut self.nodes[open.node].form {
                Form::Sequence(items) => items.push(node),
                Form::Mapping(pairs) => match open.key.take() {
                    None => open.key = Some(node),
                    Some(key) => pairs.push((key, node)),
                },
                // What is inside a value of an application means nothing here.
                _ => {}
            },
        }
        Ok(node)
    }

    /// The value itself, where this is an alias of it.
    fn node(&self, at: usize) -> &Node<'t> {
        let node = &self.nodes[at];
        if let Form::Alias(target) = node.form { &self.nodes[target] } else { node }
    }

    fn find(&self, parts: &[&str]) -> Result<Option<Place>, LiteralError> {
        let Some(mut at) = self.root else { return Ok(None) };
        for (index, part) in parts.iter().enumerate() {
            let Node { line, form } = self.node(at);
            let pairs = match form {
                Form::Mapping(pairs) => pairs,
                Form::Scalar(..) | Form::Alias(_) => return Ok(None),
                Form::Sequence(_) => {
                    let what = "the path leads through an array, whose items have no names";
                    return Err(LiteralError::undecidable(*line, what));
                }
                Form::Tagged => return Err(tagged(*line)),
            };
            let mut named = pairs.iter().filter(|(key, _)| self.is_called(*key, part));
            let Some((key, value)) = named.next() else {
                return self.absence(pairs).map(|()| None);
            };
            let line = self.nodes[*key].line;
            let is_last = index + 1 == parts.len();
            if let Some((again, _)) = named.next() {
                let twice = twice(self.nodes[*again].line, line);
                return if is_last {
                    Ok(Some(Place { line, value: Err(twice) }))
                } else {
                    Err(twice)
                };
            }
            if is_last {
                let mut budget = VALUE_BYTES_MAX;
                return Ok(Some(Place { line, value: self.json(*value, 0, &mut budget) }));
            }
            at = *value;
        }
        Ok(None)
    }

    fn is_called(&self, key: usize, name: &str) -> bool {
        matches!(&self.node(key).form, Form::Scalar(text, _) if text == name)
    }

    /// Is a key that was not found really not there?
    fn absence(&self, pairs: &[(usize, usize)]) -> Result<(), LiteralError> {
        for (key, _) in pairs {
            match &self.node(*key).form {
                Form::Scalar(text, is_text) if text == MERGE && !is_text => {
                    return Err(merges(self.nodes[*key].line));
                }
                Form::Tagged => return Err(tagged(self.nodes[*key].line)),
                _ => {}
            }
        }
        Ok(())
    }

    fn json(&self, at: usize, depth: usize, budget: &mut usize) -> Result<Value, LiteralError> {
        let line = self.nodes[at].line;
        if depth > DEPTH_MAX {
            return Err(LiteralError::too_deep(line));
        }
        let node = self.node(at);
        node.spend(line, budget)?;
        match &node.form {
            Form::Scalar(text, true) => Ok(Value::from(text.as_ref())),
            Form::Scalar(text, false) => plain(text, line),
            Form::Sequence(items) => {
                items.iter().map(|item| self.json(*item, depth + 1, budget)).collect()
            }
            Form::Mapping(pairs) => self.object(pairs, depth, budget),
            Form::Tagged | Form::Alias(_) => Err(tagged(line)),
        }
    }

    fn object(
        &self,
        pairs: &[(usize, usize)],
        depth: usize,
        budget: &mut usize,
    ) -> Result<Value, LiteralError> {
        let mut map = Map::new();
        let mut lines = BTreeMap::new();
        for (key, value) in pairs {
            let line = self.nodes[*key].line;
            self.node(*key).spend(line, budget)?;
            let name = match &self.node(*key).form {
                Form::Scalar(text, false) if text == MERGE => return Err(merges(line)),
                Form::Scalar(text, true) => text.to_string(),
                Form::Scalar(text, false) if plain(text, line)?.is_string() => text.to_string(),
                _ => return Err(LiteralError::undecidable(line, "a key that is no text")),
            };
            if let Some(first) = lines.insert(name.clone(), line) {
                return Err(twice(line, first));
            }
            map.insert(name, self.json(*value, depth + 1, budget)?);
        }
        Ok(Value::Object(map))
    }
}

impl Node<'_> {
    /// Counts it towards the size of a value.
    fn spend(&self, line: u64, budget: &mut usize) -> Result<(), LiteralError> {
        let bytes = if let Form::Scalar(text, _) = &self.form { text.len() } else { 0 };
        *budget = budget.checked_sub(NODE_BYTES + bytes).ok_or_else(|| {
            let what = format!("more than {VALUE_BYTES_MAX} bytes once its aliases are followed");
            LiteralError::undecidable(line, what)
        })?;
        Ok(())
    }
}

/// A scalar is text when it is quoted, a block, or tagged as text.
fn scalar<'t>(text: Cow<'t, str>, style: ScalarStyle, tag: Option<Cow<'_, Tag>>) -> Form<'t> {
    match tag {
        None => Form::Scalar(text, style != ScalarStyle::Plain),
        Some(tag) if is_core(&tag, "str") || (tag.handle.is_empty() && tag.suffix == "!") => {
            Form::Scalar(text, true)
        }
        Some(_) => Form::Tagged,
    }
}

fn collection<'t>(form: Form<'t>, name: &str, tag: Option<Cow<'_, Tag>>) -> Form<'t> {
    if tag.is_none_or(|tag| is_core(&tag, name)) { form } else { Form::Tagged }
}

fn is_core(tag: &Tag, name: &str) -> bool {
    tag.is_yaml_core_schema() && tag.suffix == name
}

/// The value of a plain scalar by the core schema.
fn plain(text: &str, line: u64) -> Result<Value, LiteralError> {
    let doubt = |what| LiteralError::undecidable(line, what);
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(Value::Null),
        "true" | "True" | "TRUE" => return Ok(Value::Bool(true)),
        "false" | "False" | "FALSE" => return Ok(Value::Bool(false)),
        _ => {}
    }
    let too_wide = || doubt("an integer of more than 128 bits");
    for (prefix, radix) in [("0o", 8), ("0x", 16)] {
        if let Some(digits) = text.strip_prefix(prefix)
            && !digits.is_empty()
            && digits.chars().all(|digit| digit.is_digit(radix))
        {
            return number::integer(digits, radix).ok_or_else(too_wide);
        }
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return Err(doubt("a number that is not finite"));
    }
    if !unsigned.is_empty() && unsigned.bytes().all(|byte| byte.is_ascii_digit()) {
        if unsigned.len() > 1 && unsigned.starts_with('0') {
            return Err(doubt("a number with a leading zero, which is octal for some readers"));
        }
        return number::integer(text.strip_prefix('+').unwrap_or(text), 10).ok_or_else(too_wide);
    }
    if is_float(unsigned) {
        let number = number::float(text.strip_prefix('+').unwrap_or(text));
        return number.ok_or_else(|| doubt("a number that is not finite"));
    }
    Ok(Value::from(text))
}

/// `1.`, `.5`, `1.5`, `1e3`, `1.5e-3`, as the core schema has it.
fn is_float(text: &str) -> bool {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let is_exponent = |text: &str| {
        let text = text.strip_prefix(['+', '-']).unwrap_or(text);
        !text.is_empty() && digits(text)
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    digits(whole)
        && digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && exponent.is_none_or(is_exponent)
}

fn twice(line: u64, first: u64) -> LiteralError {
    LiteralError::undecidable(line, format!("the key stands here and on line {first}"))
}

fn tagged(line: u64) -> LiteralError {
    LiteralError::undecidable(line, "a tag that only the application understands")
}

fn merges(line: u64) -> LiteralError {
    LiteralError::undecidable(line, "a merge key (`<<`), which not every reader follows")
}

#[cfg(test)]
mod tests;
