//! What a plan is asked for.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::desired::Resource;
use crate::model::Digest;
use crate::model::display::escape;

/// Which resources a plan may change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Scope {
    /// Those of the whole host.
    Host,
    /// Those of one gap.
    Gap(String),
    /// Those whose names match one of these patterns.
    Only(Vec<String>),
    /// What another plan did, by its digest.
    Undo(Digest),
}

impl Scope {
    /// Does it reach this resource?
    #[must_use]
    pub fn reaches(&self, resource: &Resource) -> bool {
        match self {
            Self::Host => true,
            Self::Gap(gap) => resource.common.gap.as_ref() == Some(gap),
            Self::Only(patterns) => {
                let name = resource.name.to_string();
                patterns.iter().any(|pattern| {
                    globset::Glob::new(pattern)
                        .is_ok_and(|glob| glob.compile_matcher().is_match(&name))
                })
            }
            Self::Undo(_) => false,
        }
    }
}

/// For people, escaped.
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host => f.write_str("the whole host"),
            Self::Gap(gap) => write!(f, "gap {}", escape(gap)),
            Self::Only(patterns) => {
                write!(f, "only {}", escape(&patterns.join(", ")))
            }
            Self::Undo(digest) => write!(f, "undo of plan {digest:?}"),
        }
    }
}
