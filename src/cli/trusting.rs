//! The trust file of this host, for the verbs that rest on it.

use super::error::Failure;
use crate::config::{Config, ConfigError, strict};
use crate::model::Digest;

/// The digest of the trust file, which a plan names. None where there is no such file: then nothing can be approved.
pub(super) fn digest(config: &Config) -> Result<Option<Digest>, Failure> {
    if config.file.is_none() {
        return Ok(None);
    }
    match strict::trust(config) {
        Ok(trust) => Ok(Some(trust.digest)),
        Err(ConfigError::Read { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}
