//! Where a database is and how it is reached: a connection URL, read by ourselves because its promises are ours to keep.
//!
//! What libpq knows and this program does not honour is refused, never ignored; so is a password, which belongs in a file.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

use crate::model::display::one_line;

/// Why a URL cannot be used. No message holds more of it than a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// Another scheme.
    #[error("a database URL starts with `postgres://` or `postgresql://`")]
    Scheme,
    /// A password in it.
    #[error(
        "the URL holds a password: put it into a file of its own and name that as `password_file`"
    )]
    Password,
    /// Broken `%` escapes, or not UTF-8 behind them.
    #[error(
        "the URL has a `%` that is not followed by two hex digits, or bytes that are not UTF-8"
    )]
    Escape,
    /// No user in it.
    #[error("the URL names no user")]
    NoUser,
    /// A user where the role of each proof logs in.
    #[error("the URL names a user, and the role of each proof is who logs in")]
    User,
    /// Neither a host nor a folder of sockets.
    #[error("the URL names no host: write one, or `?host=/run/postgresql` for a socket")]
    NoHost,
    /// More than one host.
    #[error("the URL names several hosts: an observer looks at one server")]
    SeveralHosts,
    /// Not a port.
    #[error("`{0}` is no port")]
    Port(String),
    /// Not an address.
    #[error("`{0}` is no IP address")]
    Address(String),
    /// A parameter twice.
    #[error("the URL says `{0}` twice")]
    Twice(String),
    /// A parameter of libpq that is not honoured here.
    #[error("the URL parameter `{0}` is not supported")]
    Unsupported(String),
    /// A value that the parameter does not have.
    #[error("`{key}` cannot be `{value}`: it is one of {known}")]
    Value {
        /// Which parameter.
        key: &'static str,
        /// What stands there.
        value: String,
        /// What could.
        known: &'static str,
    },
    /// `verify-ca` against every public authority would verify nothing.
    #[error(
        "`sslmode=verify-ca` needs `sslrootcert=FILE`: which authority may sign for the server"
    )]
    NoAuthority,
    /// `sslrootcert=system` with a mode that leaves the name unchecked.
    #[error(
        "`sslrootcert=system` needs `sslmode=verify-full`: anybody gets a certificate of a public authority"
    )]
    WeakSystem,
}

/// A password. It is never printed.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Wraps the text of a password.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// How to reach one database.
#[derive(Debug, Clone)]
pub struct Settings {
    pub(super) place: Place,
    pub(super) port: u16,
    pub(super) user: String,
    pub(super) database: String,
    pub(super) tls: Tls,
    pub(super) binding: Binding,
    pub(super) password: Option<Secret>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// The folder of a socket.
    Socket(PathBuf),
    /// A name to verify, and the address where it differs from what the name resolves to.
    Host { name: String, address: Option<IpAddr> },
}

/// What libpq documents for `sslmode`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Tls {
    /// In clear.
    Disable,
    /// Encrypted if the server offers it, nothing verified.
    Prefer,
    /// Encrypted, nothing verified.
    Require,
    /// Encrypted, signed by an authority in this file; for whichever name.
    VerifyCa(PathBuf),
    /// Encrypted, signed for this name by an authority in this file, or by one the operating system trusts.
    VerifyFull(Option<PathBuf>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Binding {
    Disable,
    Prefer,
    Require,
}

impl Settings {
    /// The database that is connected to, as the server calls it.
    #[must_use]
    pub fn database(&self) -> &str {
        &self.database
    }

    /// The role that logs in.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// Reads a connection URL.
    ///
    /// # Errors
    /// When it promises something that is not kept here, or cannot be read; never quoting a password.
    pub fn parse(url: &str, password: Option<Secret>) -> Result<Self, SettingsError> {
        let rest = ["postgres://", "postgresql://"].iter().find_map(|s| url.strip_prefix(s));
        let rest = rest.ok_or(SettingsError::Scheme)?;
        let (before, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = before.split_once('/').unwrap_or((before, ""));
        let mut parameters = parameters(query)?;
        let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
        if user.contains(':') || parameters.contains_key("password") {
            return Err(SettingsError::Password);
        }
        let (host, port) = host_and_port(host)?;
        for (key, value) in [("user", user), ("host", host), ("port", port), ("dbname", path)] {
            if !value.is_empty() {
                // As in libpq, a parameter wins over the place in the path.
                parameters.entry(key.to_owned()).or_insert(decode(value)?);
            }
        }
        Self::from_parameters(parameters, password)
    }

    /// The same for a URL that names no user: this role logs in.
    ///
    /// # Errors
    /// As for [`Self::parse`], and when the URL does name one.
    pub fn parse_as(
        url: &str,
        role: &str,
        password: Option<Secret>,
    ) -> Result<Self, SettingsError> {
        match Self::parse(url, None) {
            Err(SettingsError::NoUser) => {}
            Err(error) => return Err(error),
            Ok(_) => return Err(SettingsError::User),
        }
        let divider = if url.contains('?') { '&' } else { '?' };
        Self::parse(&format!("{url}{divider}user={}", encoded(role)), password)
    }

    fn from_parameters(
        mut parameters: BTreeMap<String, String>,
        password: Option<Secret>,
    ) -> Result<Self, SettingsError> {
        let mut take = |key: &str| parameters.remove(key).filter(|value| !value.is_empty());
        let user = take("user").ok_or(SettingsError::NoUser)?;
        let database = take("dbname").unwrap_or_else(|| user.clone());
        let (host, address) = (take("host"), take("hostaddr"));
        let port = parsed(take("port"), SettingsError::Port)?.unwrap_or(5432);
        let tls = tls(take("sslmode").as_deref(), take("sslrootcert"))?;
        let binding = binding(take("channel_binding").as_deref())?;
        if let Some(key) = parameters.into_keys().next() {
            return Err(SettingsError::Unsupported(one_line(&key, 40)));
        }
        let place = place(host, parsed(address, SettingsError::Address)?)?;
        // As in libpq: a socket is not encrypted, whatever the mode says. Its folder's mode is its protection.
        let tls = if matches!(place, Place::Socket(_)) { Tls::Disable } else { tls };
        Ok(Self { place, port, user, database, tls, binding, password })
    }
}

/// A text as it stands in a URL: every byte that is no letter and no digit is escaped.
fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() {
            encoded.push(char::from(byte));
        } else {
            // Writing to a text does not fail.
            let _ = fmt::Write::write_fmt(&mut encoded, format_args!("%{byte:02X}"));
        }
        encoded
    })
}

fn parameters(query: &str) -> Result<BTreeMap<String, String>, SettingsError> {
    let mut parameters = BTreeMap::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let key = decode(key)?;
        let twice = parameters.insert(key.clone(), decode(value)?).is_some();
        if twice {
            return Err(SettingsError::Twice(one_line(&key, 40)));
        }
    }
    Ok(parameters)
}

/// Divides `name:5432` and `[::1]:5432`.
fn host_and_port(text: &str) -> Result<(&str, &str), SettingsError> {
    if text.contains(',') {
        return Err(SettingsError::SeveralHosts);
    }
    if let Some((address, rest)) = text.strip_prefix('[').and_then(|t| t.split_once(']')) {
        return Ok((address, rest.strip_prefix(':').unwrap_or(rest)));
    }
    Ok(text.split_once(':').unwrap_or((text, "")))
}

fn place(host: Option<String>, address: Option<IpAddr>) -> Result<Place, SettingsError> {
    match host {
        Some(host) if host.contains(',') => Err(SettingsError::SeveralHosts),
        Some(folder) if folder.starts_with('/') && address.is_none() => {
            Ok(Place::Socket(PathBuf::from(folder)))
        }
        Some(name) => Ok(Place::Host { name, address }),
        None => {
            let address = address.ok_or(SettingsError::NoHost)?;
            Ok(Place::Host { name: address.to_string(), address: Some(address) })
        }
    }
}

fn tls(mode: Option<&str>, roots: Option<String>) -> Result<Tls, SettingsError> {
    let system = roots.as_deref() == Some("system");
    let file = roots.filter(|_| !system).map(PathBuf::from);
    match mode {
        None | Some("verify-full") if system => Ok(Tls::VerifyFull(None)),
        Some("disable") => Ok(Tls::Disable),
        Some("prefer" | "require" | "verify-ca") if system => Err(SettingsError::WeakSystem),
        // libpq tries without TLS again when TLS fails; here only a server that offers none is reached in clear.
        None | Some("prefer") => Ok(Tls::Prefer),
        // As in libpq: with a file of authorities, `require` verifies the chain.
        Some("require") => Ok(file.map_or(Tls::Require, Tls::VerifyCa)),
        Some("verify-ca") => file.map(Tls::VerifyCa).ok_or(SettingsError::NoAuthority),
        Some("verify-full") => Ok(Tls::VerifyFull(file)),
        Some(other) => Err(SettingsError::Value {
            key: "sslmode",
            value: one_line(other, 40),
            known: "disable, prefer, require, verify-ca, verify-full",
        }),
    }
}

fn binding(value: Option<&str>) -> Result<Binding, SettingsError> {
    match value {
        None | Some("prefer") => Ok(Binding::Prefer),
        Some("disable") => Ok(Binding::Disable),
        Some("require") => Ok(Binding::Require),
        Some(other) => Err(SettingsError::Value {
            key: "channel_binding",
            value: one_line(other, 40),
            known: "disable, prefer, require",
        }),
    }
}

fn parsed<T: FromStr>(
    text: Option<String>,
    error: fn(String) -> SettingsError,
) -> Result<Option<T>, SettingsError> {
    text.map(|text| text.parse().map_err(|_| error(one_line(&text, 40)))).transpose()
}

fn decode(text: &str) -> Result<String, SettingsError> {
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let Some((&first, after)) = rest.split_first() {
        if first != b'%' {
            bytes.push(first);
            rest = after;
            continue;
        }
        let digits = after.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        let digits = digits.filter(|two| two.bytes().all(|c| c.is_ascii_hexdigit()));
        let byte = digits.and_then(|two| u8::from_str_radix(two, 16).ok());
        bytes.push(byte.filter(|b| *b != 0).ok_or(SettingsError::Escape)?);
        rest = after.get(2..).unwrap_or_default();
    }
    String::from_utf8(bytes).map_err(|_| SettingsError::Escape)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str) -> Result<Settings, SettingsError> {
        Settings::parse(url, Some(Secret::new("canary")))
    }

    #[test]
    fn a_socket_and_a_host() {
        let socket = read("postgres://observer@/directus?host=/run/postgresql").expect("valid");
        assert_eq!(socket.place, Place::Socket("/run/postgresql".into()));
        assert_eq!((socket.port, socket.database.as_str()), (5432, "directus"));
        let host = read("postgresql://a%40b@[::1]:6432/x%2Fy?sslmode=disable").expect("valid");
        assert_eq!(host.place, Place::Host { name: "::1".into(), address: None });
        assert_eq!((host.port, host.user.as_str(), host.database.as_str()), (6432, "a@b", "x/y"));
        let both = read("postgres://u@db.example/x?hostaddr=10.0.0.7").expect("valid");
        let address = Some("10.0.0.7".parse().expect("an address"));
        assert_eq!(both.place, Place::Host { name: "db.example".into(), address });
        assert_eq!(read("postgres://u@h").expect("valid").database, "u");
    }

    #[test]
    fn what_sslmode_means() {
        let tls = |query: &str| read(&format!("postgres://u@h/d?{query}")).map(|s| s.tls);
        assert_eq!(tls(""), Ok(Tls::Prefer));
        assert_eq!(tls("sslmode=require"), Ok(Tls::Require));
        assert_eq!(tls("sslmode=require&sslrootcert=/ca"), Ok(Tls::VerifyCa("/ca".into())));
        assert_eq!(tls("sslmode=verify-ca&sslrootcert=/ca"), Ok(Tls::VerifyCa("/ca".into())));
        assert_eq!(tls("sslmode=verify-ca"), Err(SettingsError::NoAuthority));
        assert_eq!(tls("sslmode=verify-full"), Ok(Tls::VerifyFull(None)));
        assert_eq!(tls("sslrootcert=system"), Ok(Tls::VerifyFull(None)));
        assert_eq!(
            tls("sslmode=verify-full&sslrootcert=/ca"),
            Ok(Tls::VerifyFull(Some("/ca".into())))
        );
        assert_eq!(tls("sslmode=require&sslrootcert=system"), Err(SettingsError::WeakSystem));
        assert!(matches!(tls("sslmode=allow"), Err(SettingsError::Value { .. })));
        let socket = read("postgres://u@/d?host=/run&sslmode=require").expect("valid");
        assert_eq!(socket.tls, Tls::Disable);
    }

    #[test]
    fn what_is_not_honoured_is_refused() {
        for (url, error) in [
            ("mysql://u@h/d", SettingsError::Scheme),
            ("postgres://u:canary@h/d", SettingsError::Password),
            ("postgres://u@h/d?password=canary", SettingsError::Password),
            ("postgres://h/d", SettingsError::NoUser),
            ("postgres://u@/d", SettingsError::NoHost),
            ("postgres://u@h1,h2/d", SettingsError::SeveralHosts),
            ("postgres://u@/d?host=h1,h2", SettingsError::SeveralHosts),
            ("postgres://u@h:99999/d", SettingsError::Port("99999".into())),
            ("postgres://u@h/d?hostaddr=x", SettingsError::Address("x".into())),
            ("postgres://u@h/d?port=1&port=2", SettingsError::Twice("port".into())),
            ("postgres://u@h/d?options=-c%20x", SettingsError::Unsupported("options".into())),
            ("postgres://u@h/d?sslkey=/k", SettingsError::Unsupported("sslkey".into())),
            ("postgres://u@h/%zz", SettingsError::Escape),
            ("postgres://u@h/%00", SettingsError::Escape),
            ("postgres://u@h/%ff", SettingsError::Escape),
            ("postgres://u@h/%+1", SettingsError::Escape),
        ] {
            let found = read(url).expect_err(url);
            assert_eq!(found, error, "{url}");
            assert!(!found.to_string().contains("canary"), "{found}");
        }
        let debug = format!("{:?}", read("postgres://u@h/d").expect("valid"));
        assert!(!debug.contains("canary") && debug.contains("[secret]"), "{debug}");
    }
}
