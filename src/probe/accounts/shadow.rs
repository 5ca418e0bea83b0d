//! `/etc/shadow`: which accounts have a password. Of the hashes nothing is kept.

use std::path::Path;

use super::{BYTES_MAX, List, Listed, Password, name};
use crate::model::{Reason, Unknown};
use crate::probe::host::{Host, Links};

const SHADOW: &str = "/etc/shadow";

/// Which accounts have a password, as `/etc/shadow` says.
#[derive(Debug)]
pub struct Shadow(List<Hidden>);

#[derive(Debug)]
struct Hidden {
    line: u64,
    name: String,
    password: Password,
}

impl Listed for Hidden {
    fn name(&self) -> &str {
        &self.name
    }
    fn number(&self) -> u32 {
        0
    }
    fn line(&self) -> u64 {
        self.line
    }
}

impl Shadow {
    /// Reads it where the host's configuration opens this very file: its paths must be named, unlike those of other facts.
    ///
    /// # Errors
    /// Unknown, when it may not or cannot be read.
    pub fn read(host: &Host) -> Result<Self, Unknown> {
        match host.read(Path::new(SHADOW), Links::Refuse, BYTES_MAX)? {
            Some((_, text)) => Ok(Self::parse(&text)),
            None => Ok(Self(List::default())),
        }
    }

    fn parse(text: &[u8]) -> Self {
        Self(List::parse(text, SHADOW, |line, text| {
            let mut fields = text.splitn(3, |c| *c == b':');
            let (name, password) = (name(fields.next()?)?, Password::of(fields.next()?));
            Some(Hidden { line, name, password })
        }))
    }

    /// Has this account, whose line in `/etc/passwd` refers to this file, a password?
    ///
    /// # Errors
    /// Unknown, when no line, or none that can be read, says so.
    pub fn of(&self, name: &str) -> Result<Password, Unknown> {
        self.0.named(name)?.map(|entry| entry.password).ok_or_else(|| {
            let detail = format!("`{SHADOW}` has no line for the account");
            Unknown::new(Reason::Malformed, detail)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_password_only_its_kind_is_kept() {
        let shadow =
            b"a::1:\nb:!:1\nc:*:1\nd:$y$j9T$salt$hash:1\ne:!$6$hash:1\nf:ab01FAX.bQRSU:1\ng:x:1\n\
              h:ab8rPp61EtyKoExmqLIH2GYwmOFmFnER1mo:1\n";
        let shadow = Shadow::parse(shadow);
        let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
        let found = names.map(|name| shadow.of(name).expect("a line").name());
        let (none, locked, set) = ("none", "locked", "set");
        assert_eq!(found, [none, locked, locked, set, locked, set, locked, set]);
        assert_eq!(shadow.of("z").map_err(|u| u.reason), Err(Reason::Malformed));
        assert!(!format!("{shadow:?}").contains("hash"));
    }
}
