//! What was seen: one stored answer, or one reason for its absence, for each resource that was asked for.
//!
//! A snapshot can be written down and judged again later, against other expectations, without the world it came from.

mod collect;
mod fence;
mod recorded;
mod snapshot;
mod surroundings;

pub use collect::collect;
pub use recorded::{RecordedError, digest, read, write};
pub use snapshot::{Answer, Question, Snapshot};
pub use surroundings::{entries, keys, surroundings};
