//! The trust file of this host, for the verbs that rest on it.

use std::io;

use super::error::Failure;
use crate::config::{Config, ConfigError, Trust, strict};
use crate::model::Digest;

/// The digest of the trust file, which a plan names. None where there is no such file: then nothing can be approved.
pub(super) fn digest(config: &Config) -> Result<Option<Digest>, Failure> {
    match trust(config) {
        Ok(trust) => Ok(Some(trust.digest)),
        Err(ConfigError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// The trust file beside the configuration.
pub(super) fn trust(config: &Config) -> Result<Trust, ConfigError> {
    strict::trust(config)
}
