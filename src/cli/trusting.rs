//! The trust file of this host, for the verbs that rest on it.

use super::error::Failure;
use crate::config::Config;
use crate::model::Digest;

/// The digest of the trust file, which a plan names. None where there is no such file: then nothing can be approved.
pub(super) fn digest(_config: &Config) -> Result<Option<Digest>, Failure> {
    Ok(None)
}
