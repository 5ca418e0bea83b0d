//! Writing constants down: `FILE:KEY`, with the format told by the name of the file.

use std::path::Path;

use super::super::secretive::is_secretive;
use super::super::{Adopted, Draft, Kind as _, path};
use super::{BYTES_MAX, Constant};
use crate::model::display::escape;
use crate::model::{Reason, Unknown};
use crate::probe::host::{Host, Links};
use crate::probe::literal::{self, Format};

/// What is said where a value is not written down.
const HIDDEN: &str = "The value is not written down: its name speaks of a secret, or `[observe] show_content` does not \
                      show the file.";

/// The constant of `FILE:KEY`. A key may have colons in it, a file that is asked for may not.
pub(super) fn adopt(host: &Host, asked: &str) -> Result<Adopted, Unknown> {
    let (file, key) = asked
        .split_once(':')
        .ok_or_else(|| Unknown::new(Reason::NotSupported, "it is not of the form FILE:KEY"))?;
    let file = path::asked(file)?;
    let format = format_of(&file).ok_or_else(|| {
        let known: Vec<&str> = literal::FORMATS.iter().map(|format| format.name()).collect();
        let detail = format!(
            "`{}` does not tell its format by its name; write the table by hand, with one of: {}",
            escape(&file),
            known.join(", ")
        );
        Unknown::new(Reason::NotSupported, detail)
    })?;
    literal::check_key(format, key).map_err(|why| Unknown::new(Reason::NotSupported, why))?;
    let mut adopted = Adopted::default();
    let read = host.read_to_show(Path::new(&file), Links::Refuse, BYTES_MAX)?;
    let Some((text, may_show)) = read else { return Ok(adopted) };
    let draft = Draft::new(name(&file, key))
        .set("file", file.as_str())
        .set("format", format.name())
        .set("key", key)
        .about(&["file", "key"], asked);
    if !may_show || is_secretive(key) {
        if literal::locate(format, &text, key)?.is_some() {
            adopted.drafts.push(draft.set("present", true).comment(HIDDEN));
        }
        return Ok(adopted);
    }
    if let Some(found) = literal::find(format, &text, key)? {
        if found.value.is_null() {
            let detail = format!("a null is no value that a {} can want", Constant::NAME);
            return Err(Unknown::new(Reason::NotSupported, detail));
        }
        adopted.drafts.push(draft.set("value", found.value));
    }
    Ok(adopted)
}

/// The format that a name promises.
fn format_of(file: &str) -> Option<Format> {
    let name = file.rsplit('/').next().unwrap_or(file);
    let extension = name.rsplit_once('.').map_or(name, |(_, extension)| extension);
    let wanted = match extension {
        "py" => "python",
        "env" => "dotenv",
        "yml" => "yaml",
        "cfg" => "ini",
        other => other,
    };
    let dotenv = name.starts_with(".env");
    literal::FORMATS.iter().copied().find(|format| {
        let format = format.name();
        if dotenv { format == "dotenv" } else { format == wanted }
    })
}

/// A name for the table: the key, or with the name of its file where the key alone says little.
fn name(file: &str, key: &str) -> String {
    let key = key.trim_matches('_').replace('_', "-");
    let stem = file.rsplit('/').next().unwrap_or(file);
    let stem = stem.trim_matches(['_', '.']).split('.').next().unwrap_or(stem);
    let stem = stem.trim_end_matches('_');
    if stem.is_empty() || stem == "init" { key } else { format!("{stem}-{key}") }
}
