//! What the executor's ledger says of proofs, cut down to the newest outcome of each.

use std::collections::BTreeMap;

use crate::approval::Heard;
use crate::model::{Digest, Timestamp};
use crate::proof::{Holds, LineResult};

/// The newest outcomes of this machine.
#[derive(Debug, Clone, Default)]
pub struct Recorded {
    /// Of proofs, by their names.
    pub proofs: BTreeMap<String, ProofRecord>,
    /// Of sets, by their names.
    pub sets: BTreeMap<String, SetRecord>,
    /// Of the newest entry of the ledger: it is not earlier now, whatever the clock says.
    pub newest: Option<Timestamp>,
    /// What people attested about it, as it counts now.
    pub attested: Vec<Heard>,
    /// Why there are none, where the ledger was not read.
    pub unread: Option<String>,
    /// Why it cannot be told which attestations count, where the ledger was read and the trust file was not.
    pub untrusted: Option<String>,
}

/// The newest outcome of a proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProofRecord {
    /// Of what was run.
    pub contract: Digest,
    /// Was it as expected, with nothing left behind?
    pub holds: Holds,
    /// The verdict, and its reason where it is not as expected.
    pub verdict: String,
    /// The cluster that it ran on, as its evidence has it.
    pub system_identifier: Option<String>,
    /// When.
    pub at: Timestamp,
    /// The number of the ledger's entry.
    pub entry: u64,
}

/// The newest outcome of a set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetRecord {
    /// Of its lines and contracts.
    pub set: Digest,
    /// What came of each line.
    pub lines: Vec<LineResult>,
    /// When.
    pub at: Timestamp,
    /// The number of the ledger's entry.
    pub entry: u64,
}
