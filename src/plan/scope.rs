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

/// A scope that is ready to be asked about many resources.
#[derive(Debug)]
pub struct Reach<'a> {
    scope: &'a Scope,
    patterns: Vec<globset::GlobMatcher>,
}

impl Scope {
    /// Which resources it reaches. A pattern that is none reaches nothing.
    #[must_use]
    pub fn reach(&self) -> Reach<'_> {
        let patterns = match self {
            Self::Only(patterns) => patterns.as_slice(),
            _ => &[],
        };
        let compiled = patterns.iter().filter_map(|pattern| globset::Glob::new(pattern).ok());
        let patterns = compiled.map(|glob| glob.compile_matcher()).collect();
        Reach { scope: self, patterns }
    }
}

impl Reach<'_> {
    /// Does it reach this resource?
    #[must_use]
    pub fn covers(&self, resource: &Resource) -> bool {
        match self.scope {
            Scope::Host => true,
            Scope::Gap(gap) => resource.common.gap.as_ref() == Some(gap),
            Scope::Only(_) => {
                let name = resource.name.to_string();
                self.patterns.iter().any(|pattern| pattern.is_match(&name))
            }
            Scope::Undo(_) => false,
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
