//! Conditions: what holds of the controller and its host, each with a reason that programs may rely on.

use serde::{Deserialize, Serialize};

use crate::model::Timestamp;

/// What a condition is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ConditionType {
    /// All is as it should be: in sync, by a fresh look, at the newest accepted commit.
    Ready,
    /// A look is under way, or due now.
    Reconciling,
    /// It does not go on without somebody: the source or a target fails again and again.
    Stalled,
    /// Desired state is the newest of its branch, and taken.
    SourceVerified,
    /// Everything was looked at, and not too long ago.
    ObservationComplete,
    /// Live is what desired state says.
    InSync,
    /// Desired state moved, and a draft plan says what would be done.
    PlanPending,
    /// Somebody told the controller not to look.
    Suspended,
    /// Changes are halted on this host.
    Halted,
}

/// Every type, in the order in which they are shown.
pub const CONDITION_TYPES: &[ConditionType] = &[
    ConditionType::Ready,
    ConditionType::Reconciling,
    ConditionType::Stalled,
    ConditionType::SourceVerified,
    ConditionType::ObservationComplete,
    ConditionType::InSync,
    ConditionType::PlanPending,
    ConditionType::Suspended,
    ConditionType::Halted,
];

/// Does it hold?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Is {
    /// It does.
    True,
    /// It does not.
    False,
    /// It cannot be told.
    Unknown,
}

/// Why a condition is as it is. Stable across releases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Why {
    /// Nothing was looked at yet.
    NotYet,
    /// A look is under way.
    Looking,
    /// Nothing is under way.
    Idle,
    /// Every resource is what desired state says.
    AllInSync,
    /// Some resource is not what desired state says.
    Drifted,
    /// Only desired state moved.
    DesiredMoved,
    /// Some resource could not be told.
    NotTold,
    /// A verdict is older than what may be relied on.
    TooOld,
    /// What was seen was asked by an earlier commit.
    Behind,
    /// A target fails; it is tried again by itself.
    TargetFails,
    /// The machine or a database is not the one that is meant.
    WrongIdentity,
    /// The newest commit was taken.
    Accepted,
    /// The same, and every commit since the one before is signed by a committer.
    AcceptedSigned,
    /// What lies in the folder is no commit.
    Unpinned,
    /// The source cannot be had.
    SourceUnreachable,
    /// The newest commit is not valid desired state; the one before stays in force.
    SourceInvalid,
    /// The newest commit does not follow from the one in force.
    SourceRewound,
    /// A commit is not signed as it has to be.
    SourceUnsigned,
    /// Desired state contradicts what the host's own configuration guards.
    GuardLoosened,
    /// The configuration that was to be loaded again is not valid; the one before stays in force.
    ConfigInvalid,
    /// The observer's ledger cannot be written.
    LedgerFails,
    /// The state folder cannot be written.
    StateFails,
    /// There is a draft plan.
    Drafted,
    /// Nothing is pending.
    NothingPending,
    /// No draft could be made.
    DraftFailed,
    /// More different drafts than the fuse allows.
    FuseBlown,
    /// By an operator, until a time.
    ByOperator,
    /// It is not.
    NotSet,
}

/// One condition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// What it is about.
    #[serde(rename = "type")]
    pub kind: ConditionType,
    /// Does it hold?
    pub status: Is,
    /// Why, for programs.
    pub reason: Why,
    /// The same for people, escaped; never to be parsed.
    pub message: String,
    /// When `status` last changed.
    pub last_transition: Timestamp,
    /// The generation that it was judged by.
    pub observed_generation: u64,
}

impl Condition {
    /// Is this what asks for somebody's attention? Not every True is good: `Stalled` is not.
    #[must_use]
    pub const fn alarms(&self) -> bool {
        match self.kind {
            ConditionType::Ready
            | ConditionType::SourceVerified
            | ConditionType::ObservationComplete
            | ConditionType::InSync => !matches!(self.status, Is::True),
            ConditionType::Stalled | ConditionType::Suspended | ConditionType::Halted => {
                !matches!(self.status, Is::False)
            }
            ConditionType::Reconciling | ConditionType::PlanPending => false,
        }
    }
}
