//! The digest of what a plan does: without its name, its times and the commit that it happens to come from.

use std::collections::BTreeMap;
use std::io::BufWriter;

use serde::Serialize;

use super::format::{DatabaseId, HostId, Plan, Step};
use super::{FormatError, Scope};
use crate::model::{Digest, Hashing};

/// JSON is written in small pieces, and hashed in larger ones.
const BUFFER_BYTES: usize = 64 << 10;

/// All that a plan does, in the order in which it is hashed.
#[derive(Serialize)]
struct Effect<'a> {
    countersign: &'static str,
    v: &'a str,
    host: &'a HostId,
    databases: &'a BTreeMap<String, DatabaseId>,
    scope: &'a Scope,
    guards: &'a BTreeMap<String, String>,
    actions: &'a str,
    steps: &'a [Step],
}

/// Two plans with one effect digest do the same, to the same things, from the same state.
///
/// # Errors
/// When the plan cannot be expressed, which none of this program is.
pub fn effect(plan: &Plan) -> Result<Digest, FormatError> {
    let effect = Effect {
        countersign: "effect",
        v: &plan.v,
        host: &plan.host,
        databases: &plan.databases,
        scope: &plan.scope,
        guards: &plan.guards,
        actions: &plan.actions,
        steps: &plan.steps,
    };
    let mut hashing = BufWriter::with_capacity(BUFFER_BYTES, Hashing::default());
    serde_json::to_writer(&mut hashing, &effect).map_err(FormatError::Malformed)?;
    let hashing = hashing
        .into_inner()
        .map_err(|error| FormatError::Malformed(serde_json::Error::io(error.into_error())))?;
    Ok(hashing.digest())
}
