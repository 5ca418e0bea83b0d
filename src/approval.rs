//! Approval: what people signed about a plan, and whether that is enough. Pure: everything it needs comes in as data.
//!
//! A statement counts only when a rule for each way in which it could be worthless has nothing against it; the rules are
//! files of their own in `rules`. Nothing here has a default answer: what is not proven is refused.

mod about;
mod assertion;
mod hearing;
mod judge;
mod lines;
#[cfg(feature = "execute")]
mod permit;
mod refusal;
mod rules;
mod signed;
mod statement;
pub mod witness;

pub use about::{About, Authors, Step, Target};
pub use assertion::{ATTESTATION, Assertion, Expected, ITEMS_MAX, Subject, asked, told};
pub use hearing::{Heard, Hearing, could_attest};
pub use judge::{
    Accepted, Judgement, Missing, Question, QuorumMet, RemoteStatements, against_signer,
    could_approve, judge,
};
pub use lines::{STATEMENT_BYTES_MAX, StatementError};
#[cfg(feature = "execute")]
pub use permit::{Permit, PermitError, StepPermit};
pub use refusal::{Refusal, WORDS, Word};
pub use rules::{RULES, Rule};
pub use signed::{SIGNED_BYTES_MAX, Signed, SignedError};
pub use statement::{Decision, Statement};

/// What signatures of statements are made for: one is worth nothing for any other purpose.
pub const NAMESPACE: &str = "countersign/approval/v1";

/// The name under which the outcome of a step carries what was seen afterwards.
pub const SEEN: &str = "seen";
