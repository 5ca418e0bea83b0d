//! The exact change that is proposed: pure, choice-free, and as bytes that people sign.
//!
//! [`propose()`] decides what is done and what is left alone, from desired state, verdicts and surroundings alone.
//! [`mod@format`] is the file. What two plans do is compared by their effect digest, so that an approval outlives a plan that
//! was made again and came out the same.

mod bundle;
mod effect;
pub mod format;
mod guarded;
mod left;
mod order;
mod propose;
mod scope;
mod show;
mod undo;
mod waiting;

pub use bundle::Bundle;
pub use effect::effect;
pub use format::{FormatError, Frame, Plan, Rehearsal, Step};
pub use guarded::Guarded;
pub use left::{Left, Why};
pub use propose::{Input, Proposal, answer_digest, needs, propose};
pub use scope::{Reach, Scope};
pub use show::{Mark, show};
pub use undo::{Applied, Present, undo};
