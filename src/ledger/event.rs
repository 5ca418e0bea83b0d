//! What a ledger records: one struct an event, and one line in the list that names it.
//!
//! Bodies hold no secrets, no environment, no arguments of programs and no literals of SQL: names, digests, codes, and a
//! sentence for people. Numbers are decimal strings.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::body::bodies;
pub use super::outcome::Outcome;
pub use super::own::{CheckpointAnchored, ClockRegressed, LogOpened, TornTail};
pub use super::said::{
    ApprovalAccepted, ApprovalRefused, AttestationImported, AttestationRevoked, QuorumMet,
};
use crate::model::{Decimal, Digest, Timestamp};

macro_rules! events {
    ($($(#[$doc:meta])* $type:literal => $name:ident,)*) => {
        /// Something that happened.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Event { $($(#[$doc])* $name($name),)* }

        /// The types of all events.
        pub const TYPES: &[&str] = &[$($type,)*];

        impl Event {
            /// The name of its type, as it stands in the ledger.
            #[must_use]
            pub const fn type_name(&self) -> &'static str {
                match self { $(Self::$name(_) => $type,)* }
            }

            /// Its body as JSON.
            pub(super) fn body(&self) -> serde_json::Result<Box<RawValue>> {
                match self { $(Self::$name(body) => serde_json::value::to_raw_value(body),)* }
            }

            /// The event of that type with that body; `None` for a type that this version does not know.
            pub(super) fn parse(type_name: &str, body: &RawValue) -> Option<serde_json::Result<Self>> {
                match type_name {
                    $($type => Some(serde_json::from_str(body.get()).map(Self::$name)),)*
                    _ => None,
                }
            }
        }

        $(impl From<$name> for Event {
            fn from(body: $name) -> Self { Self::$name(body) }
        })*
    };
}

events! {
    /// The first entry of every ledger.
    "log.opened" => LogOpened,
    /// A plan was made and its bytes stored.
    "plan.sealed" => PlanSealed,
    /// A statement counts.
    "approval.accepted" => ApprovalAccepted,
    /// A statement does not count.
    "approval.refused" => ApprovalRefused,
    /// What a person attested is on record.
    "attestation.imported" => AttestationImported,
    /// An approver took back what was attested.
    "attestation.revoked" => AttestationRevoked,
    /// All whose approval a plan needs have given it.
    "quorum.met" => QuorumMet,
    /// A plan may run now, and never again.
    "permit.consumed" => PermitConsumed,
    /// A verb was refused.
    "refused" => Refused,
    /// A step is about to act.
    "step.intent" => StepIntent,
    /// How a step ended.
    "step.outcome" => StepOutcome,
    /// Every step of a plan was applied.
    "plan.done" => PlanDone,
    /// A plan stopped half way.
    "plan.failed" => PlanFailed,
    /// A plan was consumed and will not go on.
    "plan.abandoned" => PlanAbandoned,
    /// A proof is about to run.
    "proof.intent" => ProofIntent,
    /// What a proof came to.
    "proof.outcome" => ProofOutcome,
    /// What a set of proofs came to.
    "proofset.outcome" => ProofsetOutcome,
    /// A gap is more, or less, open than it was.
    "gap.changed" => GapChanged,
    /// A report package was made and signed.
    "report.made" => ReportMade,
    /// Changes were halted.
    "halt.set" => HaltSet,
    /// A halt was lifted.
    "halt.lifted" => HaltLifted,
    /// A commit of desired state is trusted from now on.
    "source.accepted" => SourceAccepted,
    /// The trust file is not what it was.
    "trust.changed" => TrustChanged,
    /// A checkpoint was brought to another place.
    "checkpoint.anchored" => CheckpointAnchored,
    /// Resources have other verdicts than before.
    "verdicts.changed" => VerdictsChanged,
    /// Everything was what a commit says.
    "desired.converged" => DesiredConverged,
    /// A draft of a plan was made.
    "plan.drafted" => PlanDrafted,
    /// The controller was told not to look.
    "watch.suspended" => WatchSuspended,
    /// It looks again.
    "watch.resumed" => WatchResumed,
    /// A half-written last line was moved away.
    "recovery.torn_tail" => TornTail,
    /// The clock showed an earlier time than the newest entry has.
    "clock.regressed" => ClockRegressed,
}

bodies! {
    /// `plan.sealed`
    PlanSealed {
        /// Of the plan's bytes.
        plan: Digest,
        /// Of what it does, without when and from what it was made.
        effect: Digest,
        /// The number that makes a plan unique.
        plan_id: String,
        /// What was asked for: a gap, a selector, or all.
        scope: String,
        /// How many steps it has.
        steps: Decimal,
        /// Until when it may be approved and run.
        valid_until: Timestamp,
    }
    /// `permit.consumed`
    PermitConsumed {
        /// Of the plan's bytes.
        plan: Digest,
        /// The number that makes a plan unique.
        plan_id: String,
    }
    /// `refused`
    Refused {
        /// The verb.
        verb: String,
        /// The reason as a code.
        code: String,
        /// Of the plan's bytes, where it is about one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        plan: Option<Digest>,
        /// The reason in words.
        detail: String,
    }
    /// `step.intent`
    StepIntent {
        /// Of the plan's bytes.
        plan: Digest,
        /// The number of the step.
        step: Decimal,
        /// Which resource it changes.
        resource: String,
        /// What it does.
        action: String,
    }
    /// `step.outcome`
    StepOutcome {
        /// Of the plan's bytes.
        plan: Digest,
        /// The number of the step.
        step: Decimal,
        /// How it ended.
        outcome: Outcome,
        /// The same in words.
        detail: String,
    }
    /// `plan.done`
    PlanDone {
        /// Of the plan's bytes.
        plan: Digest,
    }
    /// `plan.failed`
    PlanFailed {
        /// Of the plan's bytes.
        plan: Digest,
        /// The step that failed.
        step: Decimal,
        /// Why.
        detail: String,
    }
    /// `plan.abandoned`
    PlanAbandoned {
        /// Of the plan's bytes.
        plan: Digest,
        /// Why.
        detail: String,
    }
    /// `proof.intent`
    ProofIntent {
        /// Its name in desired state.
        proof: String,
        /// Of what is run, as the host admits it.
        contract: Digest,
        /// The database, by its name in desired state.
        database: String,
        /// Who logs in.
        role: String,
        /// What is new in this run; it names the run.
        nonce: String,
    }
    /// `proof.outcome`. The evidence is attached, but for a run that did not come to its end.
    ProofOutcome {
        /// Its name in desired state.
        proof: String,
        /// Of what was run.
        contract: Digest,
        /// What was new in this run.
        nonce: String,
        /// The verdict.
        verdict: String,
        /// Its reason.
        detail: String,
    }
    /// `proofset.outcome`. What came of each line is attached.
    ProofsetOutcome {
        /// Its name in desired state.
        proofset: String,
        /// Of its lines, and of the contracts that they name.
        set: Digest,
        /// How many lines hold.
        holding: Decimal,
        /// How many there are.
        total: Decimal,
    }
    /// `gap.changed`
    GapChanged {
        /// Its name in desired state.
        gap: String,
        /// What it was when that was recorded last.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<String>,
        /// What it is.
        to: String,
        /// The commit of desired state that declares it.
        commit: String,
        /// The first thing that is missing.
        detail: String,
    }
    /// `report.made`
    ReportMade {
        /// Its name in desired state.
        report: String,
        /// What it comes to, in its own word.
        outcome: String,
        /// Of the statement that this ledger's key signed; it names every file by its digest.
        statement: Digest,
        /// The commit of desired state that declares it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        commit: Option<String>,
    }
    /// `halt.set`
    HaltSet {
        /// Who.
        by: String,
        /// Why.
        reason: String,
    }
    /// `halt.lifted`
    HaltLifted {
        /// Who.
        by: String,
        /// Why.
        reason: String,
    }
    /// `source.accepted`
    SourceAccepted {
        /// The newest commit.
        commit: String,
        /// The one that was the newest before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        previous: Option<String>,
        /// Who signed the commits from there to here.
        signers: Vec<String>,
    }
    /// `trust.changed`
    TrustChanged {
        /// Of the bytes of the trust file.
        digest: Digest,
    }
    /// `verdicts.changed`: of one look, or a part of it where there are many.
    VerdictsChanged {
        /// The commit by which they were judged.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        commit: Option<String>,
        /// Which.
        changes: Vec<VerdictChange>,
    }
    /// One resource of `verdicts.changed`.
    VerdictChange {
        /// Its name.
        resource: String,
        /// What was looked at: `host` or `database.NAME`.
        target: String,
        /// The verdict before; absent when it is judged for the first time.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<String>,
        /// The verdict now; absent when it is not wanted any more.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<String>,
        /// Does a waiver cover it?
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        waived: bool,
        /// How much it matters.
        severity: String,
        /// For `unknown`: the class of the reason.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cause: Option<String>,
        /// Which attributes differ, or what could not be told.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        detail: String,
        /// Since when it had been as it was before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        since: Option<Timestamp>,
        /// How many times it has left `in_sync`.
        times: Decimal,
    }
    /// `desired.converged`
    DesiredConverged {
        /// The commit.
        commit: String,
    }
    /// `plan.drafted`
    PlanDrafted {
        /// The commit that it was made from.
        commit: String,
        /// Of what it does; absent where there is nothing that a step could do.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        effect: Option<Digest>,
        /// How many steps it has.
        steps: Decimal,
        /// How many resources were pending.
        pending: Decimal,
    }
    /// `watch.suspended`
    WatchSuspended {
        /// Who.
        by: String,
        /// Why.
        reason: String,
        /// When it ends by itself.
        until: Timestamp,
    }
    /// `watch.resumed`
    WatchResumed {
        /// Who; `time` when it ended by itself.
        by: String,
    }
}
