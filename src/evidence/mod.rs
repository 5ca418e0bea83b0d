//! What verdicts and proofs come to: gates and gaps that desired state declares, computed from what was seen. Pure: no I/O, no clock.
//!
//! Nothing here is believed because a file says so. A requirement holds when resources are in sync now, or when the ledger says that
//! a proof was as expected, of this very contract, on this very machine, and not too long ago.

mod attestation;
mod explained;
mod gap;
mod gate;
mod held;
mod recorded;
mod report;
#[cfg(test)]
mod tests;

pub use attestation::{Attestation, Attested, about, attested, objection};
pub use explained::explain;
pub use gap::{GapResult, Openness, gap, gaps};
pub use gate::{CriterionResult, GateResult, State, Summary, gates};
pub use held::{Backing, Cited, Facts, Held};
pub use recorded::{ProofRecord, Recorded, SetRecord};
pub use report::{Deed, ForbiddenResult, ReportResult, Window, report};
