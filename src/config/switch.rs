//! `switch.toml`: what of this program is armed. Nothing is, unless it says so.

use std::path::Path;

use schemars::JsonSchema;
use serde::Deserialize;

use super::ConfigError;
use crate::model::document;
use crate::model::{Code, Diagnostic};

/// The name of the file, beside the configuration.
pub const FILE_NAME: &str = "switch.toml";
/// The only version of the form.
const VERSION: u32 = 1;

/// What is armed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Switch {
    /// The version of the form: 1.
    version: u32,
    /// May plans be applied?
    #[serde(default)]
    pub apply: bool,
    /// May proofs run?
    #[serde(default)]
    pub prove: bool,
}

impl Switch {
    /// Reads the text of a switch file. `path` names it in what is found.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its place. Nothing is armed then.
    pub fn parse(path: &Path, text: String) -> Result<Self, ConfigError> {
        let file = path.display().to_string();
        let (table, mut found) = document::parse(&file, &text);
        let (switch, wrong) = table.decode::<Self>();
        found.extend(wrong);
        match switch {
            Some(switch) if found.is_empty() && switch.version == VERSION => Ok(switch),
            _ => {
                if found.is_empty() {
                    let place = table.value_span("version").unwrap_or_default();
                    let message = format!("this program reads version {VERSION}");
                    found.push(Diagnostic::error(Code::Unsupported, file, place, message));
                }
                found.sort();
                Err(ConfigError::Invalid { path: path.to_owned(), text, diagnostics: found })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Option<(bool, bool)> {
        let switch = Switch::parse(Path::new("switch.toml"), text.to_owned()).ok()?;
        Some((switch.apply, switch.prove))
    }

    #[test]
    fn nothing_is_armed_that_is_not_named() {
        assert_eq!(parse("version = 1\n"), Some((false, false)));
        assert_eq!(parse("version = 1\napply = true\n"), Some((true, false)));
        assert_eq!(parse("version = 1\nprove = true\n"), Some((false, true)));
    }

    #[test]
    fn what_is_not_understood_arms_nothing() {
        for bad in [
            "",
            "apply = true",
            "version = 2\napply = true",
            "version = 1\napply = 1",
            "version = 1\napply = \"true\"",
            "version = 1\napply = true\napply = true",
            "version = 1\nAPPLY = true",
            "version = 1\n[apply]\n",
            "version = 1\napply = true\n\0",
        ] {
            assert_eq!(parse(bad), None, "{bad:?}");
        }
    }
}
