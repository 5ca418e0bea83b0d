//! A plan with what an approver's machine needs besides: the newest checkpoints of the ledgers that it names.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::format::BYTES_MAX;
use super::{FormatError, Plan};
use crate::ledger::growth::Growth;

const FORMAT: &str = "bundle";
const VERSION: &str = "1";

/// What is carried to an approver's machine in one file. Only the plan's own bytes are signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bundle {
    /// Always "bundle".
    countersign: String,
    /// The version of this format.
    v: String,
    /// The bytes of the plan, as text.
    plan: String,
    /// Signed checkpoints, newer than the plan or as old.
    checkpoints: Vec<String>,
    /// How each ledger came to its size, by its name: an approver's machine that saw it before can tell that it only grew.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    growth: BTreeMap<String, Growth>,
}

impl Bundle {
    /// Puts them together.
    ///
    /// # Errors
    /// When the bytes are those of no plan.
    pub fn new(
        plan: &[u8],
        checkpoints: Vec<String>,
        growth: BTreeMap<String, Growth>,
    ) -> Result<Self, FormatError> {
        Plan::read(plan)?;
        let plan = String::from_utf8_lossy(plan).into_owned();
        let (countersign, v) = (FORMAT.to_owned(), VERSION.to_owned());
        Ok(Self { countersign, v, plan, checkpoints, growth })
    }

    /// Its bytes.
    ///
    /// # Errors
    /// When it cannot be expressed, which none of this program is.
    pub fn write(&self) -> Result<Vec<u8>, FormatError> {
        let mut bytes = serde_json::to_vec(self).map_err(FormatError::Malformed)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Reads a bundle; `None` for bytes that do not say that they are one.
    ///
    /// # Errors
    /// When it is not exactly what this program writes.
    pub fn read(bytes: &[u8]) -> Result<Option<Self>, FormatError> {
        #[derive(Deserialize)]
        struct Head {
            countersign: String,
        }
        match serde_json::from_slice::<Head>(bytes) {
            Ok(head) if head.countersign == FORMAT => {}
            _ => return Ok(None),
        }
        if bytes.len() as u64 > 2 * BYTES_MAX {
            return Err(FormatError::TooLarge);
        }
        let bundle: Self = serde_json::from_slice(bytes).map_err(FormatError::Malformed)?;
        if bundle.v != VERSION {
            return Err(FormatError::Version { format: bundle.countersign, version: bundle.v });
        }
        if bundle.write()? == bytes { Ok(Some(bundle)) } else { Err(FormatError::Edited) }
    }

    /// The bytes of the plan.
    #[must_use]
    pub fn plan(&self) -> &[u8] {
        self.plan.as_bytes()
    }

    /// The checkpoints, as signed notes.
    #[must_use]
    pub fn checkpoints(&self) -> &[String] {
        &self.checkpoints
    }

    /// How the ledgers came to their sizes, by their names.
    #[must_use]
    pub const fn growth(&self) -> &BTreeMap<String, Growth> {
        &self.growth
    }
}
