//! What a function is, compared with what its table says.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    Found, Function, Parallel, PgFunction, Routine, RoutineKind, Seen, Volatility, closed,
    is_secretive,
};
use crate::kinds::{not_recorded, presence};
use crate::model::display::one_line;
use crate::model::{Change, Comparison, Difference, Digest, Evidence, Reason, Unknown, unified};

const WIDTH_MAX: usize = 40;

pub(super) fn compare(spec: &PgFunction, name: &str, seen: &Seen) -> Comparison {
    let mut found = Comparison::by(Evidence::Queried);
    let is = match seen {
        Seen::List(routines) => {
            let about = |routine: &Routine| (routine.name.clone(), Some(in_a_list(routine)));
            let seen: BTreeMap<_, _> = routines.iter().map(about).collect();
            closed::compare(spec.only.as_deref().unwrap_or_default(), &seen, &mut found);
            return found;
        }
        Seen::One(is) => Some(is),
        Seen::Absent => None,
    };
    // A stored answer under a pattern is always a list.
    if closed::is_pattern(name) {
        found.blind("only", not_recorded());
    } else if presence::compare(spec.present, is.is_some(), &mut found)
        && let Some(is) = is
    {
        attributes(spec, &is.function, &mut found);
        digests(spec, is, &mut found);
        found.seen = Some(brief(&is.function));
    }
    found
}

fn in_a_list(routine: &Routine) -> String {
    let definer = if routine.security_definer { ", security definer" } else { "" };
    format!("{}, {}, owner {}{definer}", routine.kind, routine.language, routine.owner)
}

fn brief(is: &Function) -> String {
    let definer = if is.security_definer { ", security definer" } else { "" };
    let (language, owner) = (one_line(&is.language, WIDTH_MAX), one_line(&is.owner, WIDTH_MAX));
    format!("{}, {language}, owner {owner}{definer}", is.kind)
}

fn attributes(spec: &PgFunction, is: &Function, found: &mut Comparison) {
    found.expect("kind", spec.kind.map(RoutineKind::word).as_ref(), &is.kind);
    found.expect("signature", spec.signature.as_ref(), &is.signature);
    found.expect_text("returns", spec.returns.as_ref(), is.returns.as_ref());
    found.expect("language", spec.language.as_ref(), &is.language);
    found.expect("owner", spec.owner.as_ref(), &is.owner);
    found.expect("security_definer", spec.security_definer.as_ref(), &is.security_definer);
    if let Some(wanted) = &spec.settings {
        settings(wanted, &is.settings, found);
    }
    found.expect("volatility", spec.volatility.map(Volatility::word).as_ref(), &is.volatility);
    found.expect("parallel", spec.parallel.map(Parallel::word).as_ref(), &is.parallel);
    found.expect("strict", spec.strict.as_ref(), &is.strict);
    found.expect("leakproof", spec.leakproof.as_ref(), &is.leakproof);
    number("cost", spec.cost, &is.cost, found);
    number("rows", spec.rows, &is.rows, found);
    found.expect_text("library", spec.library.as_ref(), is.library.as_ref());
    for (key, wanted) in spec.aggregate.iter().flatten() {
        found.expect_text(&format!("aggregate.{key}"), Some(wanted), is.aggregate.get(key));
    }
    found.expect_text("support", spec.support.as_ref(), is.support.as_ref());
    found.expect_text("extension", spec.extension.as_ref(), is.extension.as_ref());
    found.expect_text("comment", spec.comment.as_ref(), is.comment.as_ref());
}

/// PostgreSQL keeps these in single precision, so what is wanted is brought to it as well.
fn number(field: &str, wanted: Option<f64>, is: &str, found: &mut Comparison) {
    let Some(wanted) = wanted else { return };
    match (wanted.to_string().parse::<f32>(), is.parse::<f32>()) {
        (Ok(wanted), Ok(is)) if wanted.to_bits() == is.to_bits() => {}
        (_, Ok(_)) => {
            let is = is.parse::<f64>().map_or_else(|_| Value::from(is), Value::from);
            found.differences.push(Difference::new(field, wanted, is));
        }
        _ => found.blind(field, Unknown::new(Reason::Malformed, "it is stored as no number")),
    }
}

/// All settings, one difference for each.
fn settings(wanted: &BTreeMap<String, String>, is: &[String], found: &mut Comparison) {
    let shown = |name: &str, value: &str| {
        if is_secretive(name) {
            format!("{:?}", Digest::of(value.as_bytes()))
        } else {
            value.to_owned()
        }
    };
    let is: BTreeMap<&str, &str> =
        is.iter().map(|setting| setting.split_once('=').unwrap_or((setting, ""))).collect();
    for (name, wanted) in wanted {
        let (field, wanted) = (format!("settings.{name}"), shown(name, wanted));
        match is.get(name.as_str()) {
            Some(is) if *is == wanted => {}
            Some(is) => found.differences.push(Difference::new(field, wanted, *is)),
            None => {
                let missing = Difference::new(field, wanted, Value::Null);
                found.differences.push(missing.changed(Change::Missing));
            }
        }
    }
    for (name, is) in is.iter().filter(|(name, _)| !wanted.contains_key(**name)) {
        let unlisted = Difference::new(format!("settings.{name}"), Value::Null, *is);
        found.differences.push(unlisted.changed(Change::Unlisted));
    }
}

fn digests(spec: &PgFunction, is: &Found, found: &mut Comparison) {
    let function = &is.function;
    let body = Digest::of(function.body.as_bytes());
    if let Some(text) = &spec.text {
        // A file of text ends with a newline, and a body need not.
        let bare = text.strip_suffix('\n').filter(|_| spec.body_file.is_some());
        let text = bare.filter(|_| !function.body.ends_with('\n')).unwrap_or(text);
        if *text != function.body {
            let (wanted, is) = (format!("{:?}", Digest::of(text.as_bytes())), format!("{body:?}"));
            let lines = unified(text, &function.body);
            found.differences.push(Difference::new("body", wanted, is).unified(Some(lines)));
        }
    }
    if let Some(wanted) = spec.body_sha256
        && wanted != body
    {
        let (wanted, is) = (format!("{wanted:?}"), format!("{body:?}"));
        found.differences.push(Difference::new("body", wanted, is));
    }
    if let Some(wanted) = &spec.definition_md5 {
        definition(wanted, is, found);
    }
    let pin = spec.pin.as_ref().map(|pin| pin.to_ascii_lowercase());
    found.expect("pin", pin.as_ref(), &pin_of(function));
}

fn definition(wanted: &str, is: &Found, found: &mut Comparison) {
    let is = match &is.definition {
        None => return found.blind("definition_md5", not_recorded()),
        Some(Err(unknown)) => return found.blind("definition_md5", unknown.clone()),
        Some(Ok(is)) => is,
    };
    let (Some(usual), Some(bare)) = (&is.usual, &is.bare) else {
        let detail =
            "PostgreSQL writes no definition of an aggregate; `pin` and `aggregate` compare one";
        return found.blind("definition_md5", Unknown::new(Reason::NotSupported, detail));
    };
    let wanted = wanted.to_ascii_lowercase();
    if wanted != *usual && wanted != *bare {
        let difference = Difference::new("definition_md5", wanted, usual.clone());
        found.differences.push(difference);
    }
}

/// The pin of format 1: SHA-256 over the name of the format and the fields in this order, each as its length in eight
/// bytes (big-endian) and its UTF-8 text; a field without a value is one byte 0, one with a value has a byte 1 before it.
/// Settings are counted first, then each.
pub(super) fn pin_of(is: &Function) -> String {
    let mut bytes = b"countersign.function.1\0".to_vec();
    let mut field = |text: Option<&str>| {
        bytes.push(u8::from(text.is_some()));
        if let Some(text) = text {
            bytes.extend_from_slice(&(text.len() as u64).to_be_bytes());
            bytes.extend_from_slice(text.as_bytes());
        }
    };
    let word = |is: bool| Some(if is { "true" } else { "false" });
    field(Some(&is.kind));
    field(Some(&is.signature));
    field(is.returns.as_deref());
    field(Some(&is.language));
    field(Some(&is.body));
    field(is.library.as_deref());
    field(word(is.security_definer));
    field(Some(&is.volatility));
    field(word(is.strict));
    field(Some(&is.parallel));
    field(Some(&is.owner));
    field(Some(&is.settings.len().to_string()));
    is.settings.iter().for_each(|setting| field(Some(setting)));
    field(Some(&is.aggregate.len().to_string()));
    for (key, value) in &is.aggregate {
        field(Some(key));
        field(Some(value));
    }
    format!("1:{}", Digest::of(&bytes))
}
