//! Approval: what people signed about a plan, and whether that is enough. Pure: everything it needs comes in as data.
//!
//! A statement counts only when a rule for each way in which it could be worthless has nothing against it; the rules are
//! files of their own in `rules`. Nothing here has a default answer: what is not proven is refused.

mod about;
mod judge;
#[cfg(feature = "execute")]
mod permit;
mod refusal;
mod rules;
mod signed;
mod statement;
pub mod witness;

pub use about::{About, Authors, Step, Target};
pub use judge::{
    Accepted, Judgement, Missing, Question, QuorumMet, RemoteStatements, could_approve, judge,
};
#[cfg(feature = "execute")]
pub use permit::{Permit, PermitError, StepPermit};
pub use refusal::{Refusal, WORDS, Word};
pub use rules::{RULES, Rule};
pub use signed::{SIGNED_BYTES_MAX, Signed, SignedError};
pub use statement::{Decision, STATEMENT_BYTES_MAX, Statement, StatementError};

/// What signatures of statements are made for: one is worth nothing for any other purpose.
pub const NAMESPACE: &str = "countersign/approval/v1";

/// The name under which the outcome of a step carries what was seen afterwards.
pub const SEEN: &str = "seen";
