//! Bodies of events about what people signed.

use serde::{Deserialize, Serialize};

use super::body::bodies;
use crate::model::{Digest, Timestamp};

bodies! {
    /// `approval.accepted`
    ApprovalAccepted {
        /// Of the plan's bytes.
        plan: Digest,
        /// Of the statement's bytes.
        statement: Digest,
        /// Who made it.
        approver: String,
        /// In which role.
        role: String,
        /// `approve`, `reject` or `revoke`.
        decision: String,
        /// The fingerprint of the key.
        key: String,
    }
    /// `approval.refused`
    ApprovalRefused {
        /// Of the plan's bytes, where the statement could be read so far.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        plan: Option<Digest>,
        /// Of the statement's bytes.
        statement: Digest,
        /// The reason as a code.
        code: String,
        /// The reason in words.
        detail: String,
    }
    /// `attestation.imported`. Its bytes and their signature are attached, as `statement` and `signature`.
    AttestationImported {
        /// Of its bytes.
        statement: Digest,
        /// What it is about: `attestation.NAME`, or `drift of KIND.NAME`.
        about: String,
        /// Who made it.
        approver: String,
        /// In which role.
        role: String,
        /// Until when it counts.
        expires: Timestamp,
        /// The fingerprint of the key.
        key: String,
    }
    /// `attestation.revoked`. What takes it back is attached, as `statement` and `signature`.
    AttestationRevoked {
        /// Of the bytes of what is taken back.
        attestation: Digest,
        /// Of the bytes that take it back.
        statement: Digest,
        /// Who did.
        approver: String,
        /// In which role.
        role: String,
        /// The fingerprint of the key.
        key: String,
    }
    /// `quorum.met`
    QuorumMet {
        /// Of the plan's bytes.
        plan: Digest,
        /// Who approved.
        approvers: Vec<String>,
    }
}
