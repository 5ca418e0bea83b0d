//! Why a drift is left alone.

use std::fmt;

use serde::Serialize;

use crate::model::display::escape;
use crate::model::{ResourceName, Route};

/// A resource that is not as it is wanted, and that no step changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Left {
    /// Which.
    pub resource: ResourceName,
    /// Why.
    pub why: Why,
}

/// The reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// Somebody else has to move.
    Route(Route),
    /// It cannot be told.
    Unknown(String),
    /// A waiver covers it.
    Waived,
    /// It was not asked for.
    OutOfScope,
    /// No step ever changes a guard, or what a guard lives in.
    Guard(String),
    /// Its kind has no remedy for this.
    NoRemedy(String),
    /// Something has to be in place first that this plan does not put there.
    Waits(String),
    /// There are more steps than a plan may have.
    TooMany,
}

/// For people, escaped.
impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Route(route) => write!(f, "{} has to move", route.mover()),
            Self::Unknown(detail) => write!(f, "it cannot be told: {detail}"),
            Self::Waived => f.write_str("a waiver covers it"),
            Self::OutOfScope => f.write_str("it was not asked for"),
            Self::Guard(detail) | Self::NoRemedy(detail) => f.write_str(detail),
            Self::Waits(on) => {
                write!(f, "it waits for {}, which this plan does not change", escape(on))
            }
            Self::TooMany => write!(f, "a plan has at most {} steps", super::format::STEPS_MAX),
        }
    }
}
