//! What the kinds `user` and `group` have in common: their names, where they are looked up, and text of any bytes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Problem;
use super::closed::is_pattern;
use crate::model::display::escape_bytes;
use crate::model::{Code, Reason, Unknown};

/// Where accounts are looked up.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub(super) enum Source {
    /// In `/etc/passwd` and `/etc/group` of the host.
    #[default]
    Files,
    /// From the name service of the running system, through `getent`.
    Nss,
}

/// Checks a name, and that nothing is asked of the name service which it cannot tell: `needs_files` are keys with a
/// question for the whole list.
pub(super) fn check(
    name: &str,
    source: Option<Source>,
    present: bool,
    needs_files: &[(&str, bool)],
    problems: &mut Vec<Problem>,
) {
    let bad = |message: &str| Problem::resource(Code::BadName, message);
    if name.is_empty() || name.contains([':', ',', '\n', '\0']) || name.starts_with(['+', '-', '#'])
    {
        problems
            .push(bad("no account can have this name: it would not stand in a line of its file"));
    }
    if source != Some(Source::Nss) {
        return;
    }
    if name.bytes().all(|c| c.is_ascii_digit()) {
        problems.push(bad("the name service would take this name for a number"));
    }
    let mut refuse = |key: &str, message: String| {
        let hint = "ask the files of the host: leave `source` out";
        problems.push(Problem::key(key, Code::Contradiction, message).hint(hint));
    };
    if is_pattern(name) {
        refuse("source", "a name service need not list everybody it knows".to_owned());
    }
    if !present {
        let message = "a name service that does not know somebody may only be out of reach";
        refuse("present", message.to_owned());
    }
    for (key, set) in needs_files {
        if *set {
            refuse(key, format!("a name service cannot tell `{key}`"));
        }
    }
}

/// A field of any bytes as text.
pub(super) fn text(field: &[u8]) -> Result<String, Unknown> {
    std::str::from_utf8(field).map(str::to_owned).map_err(|_| {
        let detail = format!("it is not UTF-8: `{}`", escape_bytes(field));
        Unknown::new(Reason::Malformed, detail)
    })
}

/// The lines that name somebody again, as a difference shows them.
pub(super) fn lines(again: &[u64]) -> String {
    let lines: Vec<String> = again.iter().map(u64::to_string).collect();
    format!("named again in line {}, which nobody heeds", lines.join(", "))
}
