//! `[waiver.NAME]`: known drift that is accepted for a time. It is shown and counted, and does not alarm.

use globset::{Glob, GlobMatcher};
use schemars::JsonSchema;
use serde::Deserialize;

use super::Selector;
use crate::model::{ResourceName, Span, Timestamp};

/// The table as it is written. Without `selector` its name is that of the one resource, as in
/// `[waiver."directory./srv/old"]`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WaiverSection {
    /// The resources, as "KIND.NAME" with `*` for any characters. Without it the waiver is named after its one resource.
    pub selector: Option<String>,
    /// The fields of them, with `*` for any characters; every field without it. Where others differ too, the resource is not
    /// waived.
    pub field: Option<String>,
    /// Who answers for it.
    pub owner: String,
    /// Why it is accepted.
    pub reason: String,
    /// Until when: an instant, or a date that counts to its end in UTC.
    #[schemars(with = "String")]
    pub expires: Timestamp,
}

/// A waiver.
#[derive(Debug, Clone)]
pub struct Waiver {
    /// Its name in desired state.
    pub name: String,
    /// Of what, by whom, why, and until when.
    pub section: WaiverSection,
    /// The resources.
    pub selector: Selector,
    field: Option<GlobMatcher>,
    /// The file it stands in.
    pub file: String,
    /// The bytes of its name there.
    pub span: Span,
}

/// What is wrong with a waiver.
#[derive(Debug)]
pub(super) enum Wrong {
    /// It has no `selector`, and its name is that of no resource.
    Name,
    /// The value of this key is no pattern.
    Pattern(&'static str, globset::Error),
}

impl Waiver {
    pub(super) fn new(
        name: &str,
        section: WaiverSection,
        file: &str,
        span: Span,
    ) -> Result<Self, Wrong> {
        let selector = match &section.selector {
            Some(pattern) => {
                Selector::parse(pattern).map_err(|why| Wrong::Pattern("selector", why))?
            }
            None => Selector::exactly(&ResourceName::parse(name).ok_or(Wrong::Name)?),
        };
        let compile = |pattern: &String| Ok(Glob::new(pattern)?.compile_matcher());
        let field = section.field.as_ref().map(compile).transpose();
        let field = field.map_err(|why| Wrong::Pattern("field", why))?;
        Ok(Self { name: name.to_owned(), section, selector, field, file: file.to_owned(), span })
    }

    /// Does it cover a difference in this field of a resource that it reaches?
    #[must_use]
    pub fn covers(&self, field: &str) -> bool {
        self.field.as_ref().is_none_or(|pattern| pattern.is_match(field))
    }
}
