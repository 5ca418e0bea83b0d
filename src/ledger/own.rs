//! What a ledger records of itself.

use serde::{Deserialize, Serialize};

use super::body::bodies;
use super::merkle::Hash;
use crate::model::{Decimal, Digest};

bodies! {
    /// `log.opened`
    LogOpened {
        /// The name of the ledger, as in its checkpoints.
        origin: String,
        /// The public key of its checkpoints.
        key: String,
    }
    /// `checkpoint.anchored`
    CheckpointAnchored {
        /// The ledger's name in the checkpoint.
        origin: String,
        /// How many entries it covers.
        size: Decimal,
        /// The root of the tree over them.
        root: Hash,
        /// Where it was brought to.
        place: String,
    }
    /// `recovery.torn_tail`
    TornTail {
        /// Of the bytes; they lie in `torn/` under this name.
        digest: Digest,
        /// How many.
        bytes: Decimal,
    }
    /// `clock.regressed`
    ClockRegressed {
        /// By how many milliseconds.
        by_ms: Decimal,
    }
}
