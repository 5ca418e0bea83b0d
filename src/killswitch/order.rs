//! A signed order to halt: what an approver sends who has no account on the machine.

use std::path::{Path, PathBuf};

use super::marker::{MarkerError, set_named};
use crate::config::Trust;
use crate::model::display::one_line;
use crate::model::sshsig::{self, SignatureError};
use crate::model::{Digest, Timestamp};

/// What signatures of such orders are made for.
pub const NAMESPACE: &str = "countersign/halt/v1";
const TITLE: &str = "countersign halt v1";
/// The longest order that is read.
const ORDER_BYTES_MAX: usize = 4096;

/// An order to halt, in exactly this form and order of lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The name of the host in its configuration, or `any`.
    pub host: String,
    /// Who orders it, by the name of the trust file.
    pub approver: String,
    /// Why.
    pub reason: String,
    /// When it was written.
    pub time: Timestamp,
}

/// Why an order is not obeyed.
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    /// It does not have the form.
    #[error(
        "the order cannot be read: it has the lines `{TITLE}`, `host:`, `approver:`, `reason:`, `time:`, in this order"
    )]
    Form,
    /// Its signature does not hold.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// Whoever signed it may not.
    #[error("`{0}` is no approver of this host with that key")]
    Unknown(String),
    /// It is for another host.
    #[error("it is for the host `{0}`")]
    Host(String),
    /// The marker could not be set.
    #[error(transparent)]
    Marker(#[from] MarkerError),
}

impl Order {
    /// Its text, byte for byte.
    #[must_use]
    pub fn text(&self) -> String {
        let Self { host, approver, reason, time } = self;
        format!("{TITLE}\nhost: {host}\napprover: {approver}\nreason: {reason}\ntime: {time}\n")
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > ORDER_BYTES_MAX {
            return None;
        }
        let text = std::str::from_utf8(bytes).ok()?;
        let mut lines = text.strip_prefix(TITLE)?.strip_prefix('\n')?.lines();
        let mut value = |key: &str| {
            let value = lines.next()?.strip_prefix(key)?.strip_prefix(": ")?;
            (!value.trim().is_empty()).then(|| value.to_owned())
        };
        let (host, approver) = (value("host")?, value("approver")?);
        let (reason, time) = (value("reason")?, value("time")?.parse().ok()?);
        let order = Self { host, approver, reason, time };
        (order.text() == text).then_some(order)
    }
}

/// Obeys a signed order: sets a marker, once for each order. Answers the marker, unless it was set already.
///
/// Any approver may halt, in whatever role, without touch and PIN: stopping is the safe side, and a stolen key that only
/// stops is found out at once. A revoked key stops nothing.
///
/// # Errors
/// When it is no order, for another host, or not signed by an approver.
pub fn import(
    data: &Path,
    host: &str,
    trust: &Trust,
    order: &[u8],
    signature: &[u8],
) -> Result<Option<PathBuf>, OrderError> {
    let signer = sshsig::verify(signature, order, NAMESPACE)?.key;
    let read = Order::parse(order).ok_or(OrderError::Form)?;
    let approver = trust.approvers.get(&read.approver);
    let known = approver.is_some_and(|one| !one.revoked && one.keys.contains(&signer));
    if !known || trust.is_revoked(&signer) {
        return Err(OrderError::Unknown(one_line(&read.approver, 60)));
    }
    if read.host != host && read.host != "any" {
        return Err(OrderError::Host(one_line(&read.host, 60)));
    }
    let digest = Digest::of(order);
    let lines = format!(
        "by: {} (signed with {})\nreason: {}\ntime: {}\norder: sha256:{digest}\n",
        read.approver,
        signer.fingerprint(),
        one_line(&read.reason, 400),
        read.time
    );
    Ok(set_named(data, &format!("signed-{digest}"), &lines)?)
}
