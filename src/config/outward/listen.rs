//! Where the controller listens: an address that only this machine reaches, or a unix socket.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

use crate::model::display::one_line;

/// The longest path of a socket that the kernel takes, without the byte that ends it.
const SOCKET_PATH_BYTES_MAX: usize = 107;

/// An address that only this machine reaches, or a unix socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listen {
    /// A loopback address with a port.
    Loopback(SocketAddr),
    /// The absolute path of a socket.
    Unix(PathBuf),
}

/// Why a text is no such address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListenError {
    /// Neither form.
    #[error(
        "`{0}` is no address to listen at: write \"127.0.0.1:9464\" or \"unix:/run/countersign/metrics.sock\""
    )]
    Form(String),
    /// Others could reach it.
    #[error(
        "`{0}` can be reached from elsewhere: listen at 127.0.0.1 or [::1], and let a proxy that knows its callers stand before it"
    )]
    Reachable(SocketAddr),
    /// Longer than the kernel takes.
    #[error("the path of a socket has at most {SOCKET_PATH_BYTES_MAX} bytes, `{0}` has more")]
    Long(String),
}

impl FromStr for Listen {
    type Err = ListenError;
    fn from_str(text: &str) -> Result<Self, ListenError> {
        let form = || ListenError::Form(one_line(text, 60));
        if let Some(path) = text.strip_prefix("unix:") {
            if !path.starts_with('/') || path.ends_with('/') || path.contains('\0') {
                return Err(form());
            }
            if path.len() > SOCKET_PATH_BYTES_MAX {
                return Err(ListenError::Long(one_line(path, 60)));
            }
            return Ok(Self::Unix(path.into()));
        }
        let address: SocketAddr = text.parse().map_err(|_| form())?;
        if address.ip().is_loopback() {
            Ok(Self::Loopback(address))
        } else {
            Err(ListenError::Reachable(address))
        }
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Loopback(address) => write!(f, "{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl<'de> Deserialize<'de> for Listen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Listen {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Listen".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "A loopback address with a port, or `unix:` and the path of a socket."
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_reaches_it() {
        for text in ["127.0.0.1:9464", "127.8.0.1:0", "[::1]:9464", "unix:/run/a.sock"] {
            assert_eq!(text.parse::<Listen>().map(|l| l.to_string()).as_deref(), Ok(text));
        }
        for text in ["0.0.0.0:9464", "[::]:1", "10.0.0.1:80", "[::ffff:127.0.0.1]:80"] {
            assert!(matches!(text.parse::<Listen>(), Err(ListenError::Reachable(_))), "{text}");
        }
        for text in ["", "9464", "localhost:9464", "unix:", "unix:a", "unix:/a/", "http://[::1]"] {
            assert!(matches!(text.parse::<Listen>(), Err(ListenError::Form(_))), "{text}");
        }
        let long = format!("unix:/{}", "a".repeat(SOCKET_PATH_BYTES_MAX));
        assert!(matches!(long.parse::<Listen>(), Err(ListenError::Long(_))));
    }
}
