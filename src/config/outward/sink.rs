//! `[notify.sink.NAME]`: where notifications go.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

use crate::model::Severity;
use crate::model::display::one_line;

/// The most words of a command, and the most bytes of one.
const WORDS_MAX: usize = 64;
const WORD_BYTES_MAX: usize = 4096;

/// One place where notifications go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sink {
    /// How.
    pub via: Via,
    /// What matters less is not sent there.
    pub least: Severity,
}

/// How notifications get there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Via {
    /// A POST of a CloudEvent, signed where there is a secret.
    Webhook {
        /// Where to.
        url: Address,
        /// The file with the secret that it is signed with.
        secret_file: Option<PathBuf>,
        /// The file with the authorities that its certificate is verified by; without it, those of the system.
        ca_file: Option<PathBuf>,
    },
    /// A POST of a text, as Slack, Mattermost and others take it. The address is the secret.
    Slack {
        /// The file with the address.
        url_file: PathBuf,
    },
    /// A program that gets the CloudEvent on its standard input.
    Command {
        /// Its absolute path and its arguments.
        words: Vec<String>,
    },
}

/// An address to which something is posted: `https`, or `http` on this machine.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    /// With TLS?
    pub tls: bool,
    /// The name or number of the server.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Path and query.
    pub target: String,
}

/// A text is no such address. It is not repeated: of some services the address is the secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Not an address of HTTP.
    #[error("this is no address such as \"https://alerts.example.org/hook\"")]
    Form,
    /// A name or password stands in it.
    #[error("an address holds no user and no password")]
    User,
    /// Everybody on the way could read it.
    #[error("plain http goes to this machine alone; elsewhere write https")]
    Plain,
}

impl Address {
    /// The server with its port, as it is asked for.
    #[must_use]
    pub fn authority(&self) -> String {
        let usual = if self.tls { 443 } else { 80 };
        let host =
            if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.port == usual { host } else { format!("{host}:{}", self.port) }
    }
}

impl FromStr for Address {
    type Err = AddressError;
    fn from_str(text: &str) -> Result<Self, AddressError> {
        let form = || AddressError::Form;
        let (scheme, rest) = text.split_once("://").ok_or_else(form)?;
        let tls = match scheme {
            "https" => true,
            "http" => false,
            _ => return Err(form()),
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at(end);
        if authority.contains('@') {
            return Err(AddressError::User);
        }
        let (host, port) = match authority.strip_prefix('[') {
            Some(rest) => {
                let (host, port) = rest.split_once(']').ok_or_else(form)?;
                host.parse::<std::net::Ipv6Addr>().map_err(|_| form())?;
                (host, port.strip_prefix(':').or(port.is_empty().then_some("")).ok_or_else(form)?)
            }
            None => authority.split_once(':').unwrap_or((authority, "")),
        };
        let named = |c: u8| c.is_ascii_alphanumeric() || b".-_:".contains(&c);
        if host.is_empty() || host.len() > 253 || !host.bytes().all(named) {
            return Err(form());
        }
        let port = match port {
            "" => {
                if tls {
                    443
                } else {
                    80
                }
            }
            port => port.parse().ok().filter(|port| *port != 0).ok_or_else(form)?,
        };
        let plain = |c: u8| c.is_ascii_graphic() && c != b'#';
        if !target.bytes().all(plain) || target.len() > 2048 {
            return Err(form());
        }
        let here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
        if !tls && !here {
            return Err(AddressError::Plain);
        }
        let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
        Ok(Self { tls, host: host.to_owned(), port, target })
    }
}

/// Without path and query, which may be a secret.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        write!(f, "{scheme}://{}/…", self.authority())
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Address {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Address".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "An https address, or one of plain http on this machine."
        })
    }
}

/// `[notify.sink.NAME]`: where notifications go. Exactly one of `webhook`, `slack_file` and `command`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SinkSection {
    /// An address that takes CloudEvents 1.0 as JSON.
    webhook: Option<Address>,
    /// With `webhook`: the file with the secret that messages are signed with, as Standard Webhooks says; readable by its owner
    /// alone.
    secret_file: Option<PathBuf>,
    /// With `webhook`: a file of certificates (PEM) of the authorities that its certificate is verified by, in place of the
    /// system's.
    ca_file: Option<PathBuf>,
    /// The file with an address that takes `{"text": …}`, as Slack and Mattermost do; readable by its owner alone.
    slack_file: Option<PathBuf>,
    /// A program by its absolute path, with its arguments. The CloudEvent is its standard input; 0 means delivered.
    command: Option<Vec<String>>,
    /// What matters less is not sent: "critical", "major", "minor" or "info". Default: "info".
    severity: Option<Severity>,
}

impl SinkSection {
    pub(super) fn sink(self, base: &Path) -> Result<Sink, String> {
        let Self { webhook, secret_file, ca_file, slack_file, command, severity } = self;
        if secret_file.is_some() && webhook.is_none() {
            return Err("`secret_file` says nothing without `webhook`".to_owned());
        }
        if ca_file.is_some() && webhook.is_none() {
            return Err("`ca_file` says nothing without `webhook`".to_owned());
        }
        let via = match (webhook, slack_file, command) {
            (Some(url), None, None) => {
                let below = |file: Option<PathBuf>| file.map(|file| base.join(file));
                Via::Webhook { url, secret_file: below(secret_file), ca_file: below(ca_file) }
            }
            (None, Some(file), None) => Via::Slack { url_file: base.join(file) },
            (None, None, Some(words)) => Via::Command { words: require_command(words)? },
            _ => return Err("exactly one of `webhook`, `slack_file` and `command`".to_owned()),
        };
        Ok(Sink { via, least: severity.unwrap_or(Severity::Info) })
    }
}

fn require_command(words: Vec<String>) -> Result<Vec<String>, String> {
    let program = words.first().ok_or("`command` is empty")?;
    if !Path::new(program).is_absolute() {
        let program = one_line(program, 60);
        return Err(format!("`command` begins with an absolute path, not with `{program}`"));
    }
    let fits = |word: &String| word.len() <= WORD_BYTES_MAX && !word.contains('\0');
    if words.len() > WORDS_MAX || !words.iter().all(fits) {
        return Err(format!(
            "`command` has at most {WORDS_MAX} words of {WORD_BYTES_MAX} bytes, without a zero byte"
        ));
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_https_or_of_this_machine() {
        for (text, authority, target) in [
            ("https://a.example/hook?x=1", "a.example", "/hook?x=1"),
            ("https://a.example", "a.example", "/"),
            ("https://a.example:8443?x", "a.example:8443", "/?x"),
            ("http://127.0.0.1:9/x", "127.0.0.1:9", "/x"),
            ("http://localhost/x", "localhost", "/x"),
            ("http://[::1]:9/", "[::1]:9", "/"),
        ] {
            let address: Address = text.parse().expect(text);
            assert_eq!((address.authority().as_str(), &*address.target), (authority, target));
        }
        for (text, error) in [
            ("http://a.example/x", AddressError::Plain),
            ("http://10.0.0.1/x", AddressError::Plain),
            ("http://localhost.example/x", AddressError::Plain),
            ("https://u:p@a.example/", AddressError::User),
            ("https://", AddressError::Form),
            ("https:///x", AddressError::Form),
            ("https://a.example:0/", AddressError::Form),
            ("https://a.example:x/", AddressError::Form),
            ("https://a.example/#x", AddressError::Form),
            ("https://a.example/ x", AddressError::Form),
            ("https://a.example/\r\nx", AddressError::Form),
            ("https://[::1/x", AddressError::Form),
            ("https://[x]/", AddressError::Form),
            ("ftp://a.example/", AddressError::Form),
            ("a.example", AddressError::Form),
        ] {
            assert_eq!(text.parse::<Address>(), Err(error), "{text}");
        }
    }

    #[test]
    fn what_may_be_a_secret_is_not_shown() {
        let address: Address = "https://hooks.example/T0/s3cret?k=s3cret".parse().expect("one");
        let shown = format!("{address} {address:?}");
        assert!(!shown.contains("s3cret") && shown.contains("hooks.example"), "{shown}");
        let error = "https://hooks.example/s3cret x".parse::<Address>().expect_err("a space");
        assert!(!format!("{error} {error:?}").contains("s3cret"));
    }
}
