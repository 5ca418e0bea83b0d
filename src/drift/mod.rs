//! Desired against observed. Pure: no I/O, no clock, no randomness; the same input gives the same verdicts.

mod compare;
mod guard;
mod identity;

pub use compare::{Baseline, Explanation, Judged, Verdict, compare, questions};
pub use guard::{Loosened, guards};
pub use identity::{Contradiction, ObservedDatabase, ObservedHost, database, host, pins};
