//! Accounts and groups: the lines of `/etc/passwd`, `/etc/group` and `/etc/shadow`, read as the C library reads them.
//!
//! The first line of a name wins, and so does the first of a number. A line that cannot be read is remembered, because
//! whoever is not found may be meant by it. Of a password nothing leaves this file but whether there is one.

mod nss;
mod shadow;

use serde::{Deserialize, Serialize};

use super::host::Host;
use crate::model::{Reason, Unknown};

pub use nss::{NameService, nss_knows_none};
pub use shadow::Shadow;

/// No list of accounts is read that is larger.
const BYTES_MAX: u64 = 16 << 20;
const USERS: &str = "/etc/passwd";
const GROUPS: &str = "/etc/group";

/// An account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The line it stands in, from 1.
    pub line: u64,
    /// Its name.
    pub name: String,
    /// Its number.
    pub uid: u32,
    /// The number of its primary group.
    pub gid: u32,
    /// Whether it has a password; `None` where `/etc/shadow` says so.
    pub password: Option<Password>,
    /// What is known about the person, in any bytes.
    pub comment: Vec<u8>,
    /// Its home, in any bytes.
    pub home: Vec<u8>,
    /// What a login starts, in any bytes.
    pub shell: Vec<u8>,
}

/// A group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The line it stands in, from 1.
    pub line: u64,
    /// Its name.
    pub name: String,
    /// Its number.
    pub gid: u32,
    /// The accounts that its line lists; those whose primary group it is need not be among them.
    pub members: Vec<String>,
}

/// Whether an account can be entered with a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Password {
    /// It has none: nothing is asked of whoever logs in.
    None,
    /// No password fits: the field is locked with `!`, is `*`, or is no hash.
    Locked,
    /// It has one.
    Set,
}

impl Password {
    /// What a password field means. `crypt` returns a text with `$` or `_` in front, or one of 13 characters, and 11 more for
    /// each further part of a long password (bigcrypt).
    fn of(field: &[u8]) -> Self {
        let plain = |c: &u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'/');
        let is_long = |length: usize| length >= 13 && length % 11 == 2;
        match field {
            [] => Self::None,
            [b'$' | b'_', ..] => Self::Set,
            field if is_long(field.len()) && field.iter().all(plain) => Self::Set,
            _ => Self::Locked,
        }
    }

    /// Its name, as desired state and reports write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Locked => "locked",
            Self::Set => "set",
        }
    }
}

impl From<Password> for serde_json::Value {
    fn from(password: Password) -> Self {
        password.name().into()
    }
}

/// What has a name and a number, and stands in a line.
pub trait Listed {
    /// Its name.
    fn name(&self) -> &str;
    /// Its number.
    fn number(&self) -> u32;
    /// Its line, from 1.
    fn line(&self) -> u64;
}

impl Listed for Account {
    fn name(&self) -> &str {
        &self.name
    }
    fn number(&self) -> u32 {
        self.uid
    }
    fn line(&self) -> u64 {
        self.line
    }
}

impl Listed for Group {
    fn name(&self) -> &str {
        &self.name
    }
    fn number(&self) -> u32 {
        self.gid
    }
    fn line(&self) -> u64 {
        self.line
    }
}

/// The lines of one list, in their order.
#[derive(Debug, Clone)]
pub struct List<T> {
    entries: Vec<T>,
    faults: Vec<Fault>,
}

/// A line that is no entry.
#[derive(Debug, Clone)]
struct Fault {
    line: u64,
    /// What stands where the name of an entry stands.
    name: Vec<u8>,
    why: Unknown,
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self { entries: Vec::new(), faults: Vec::new() }
    }
}

impl<T: Listed> List<T> {
    /// Every entry that could be read, in the order of the lines.
    #[must_use]
    pub fn entries(&self) -> &[T] {
        &self.entries
    }

    /// Every entry, when every line could be read.
    ///
    /// # Errors
    /// The first line that could not.
    pub fn whole(&self) -> Result<&[T], Unknown> {
        self.fault().map_or(Ok(self.entries.as_slice()), |why| Err(why.clone()))
    }

    /// Why the list is not whole.
    #[must_use]
    pub fn fault(&self) -> Option<&Unknown> {
        self.faults.first().map(|fault| &fault.why)
    }

    /// The entry of a name: the first one.
    ///
    /// # Errors
    /// Unknown, when a line that cannot be read may stand for it.
    pub fn named(&self, name: &str) -> Result<Option<&T>, Unknown> {
        let Some(found) = self.entries.iter().find(|entry| entry.name() == name) else {
            return self.whole().map(|_| None);
        };
        // A line of the name service can include or exclude anybody, and decides where it comes first.
        let may_mean_it = |fault: &&Fault| {
            fault.name == name.as_bytes() || fault.why.reason == Reason::NotSupported
        };
        match self.faults.iter().take_while(|f| f.line < found.line()).find(may_mean_it) {
            Some(fault) => Err(fault.why.clone()),
            None => Ok(Some(found)),
        }
    }

    /// The entry of a number: the first one.
    ///
    /// # Errors
    /// Unknown, when there is none among lines some of which cannot be read.
    pub fn numbered(&self, number: u32) -> Result<Option<&T>, Unknown> {
        match self.entries.iter().find(|entry| entry.number() == number) {
            Some(found) => Ok(Some(found)),
            None => self.whole().map(|_| None),
        }
    }

    /// The lines that name it again, and that nobody heeds.
    #[must_use]
    pub fn again(&self, name: &str) -> Vec<u64> {
        let lines = self.entries.iter().filter(|entry| entry.name() == name);
        lines.skip(1).map(Listed::line).collect()
    }

    /// Blanks before a line, empty lines and comments are skipped, as the C library does.
    fn parse(text: &[u8], path: &str, entry: impl Fn(u64, &[u8]) -> Option<T>) -> Self {
        let mut list = Self::default();
        for (number, line) in (1..).zip(text.split(|c| *c == b'\n')) {
            let line = line.trim_ascii_start();
            if line.is_empty() || line[0] == b'#' {
                continue;
            }
            let name = line.split(|c| *c == b':').next().unwrap_or_default();
            let fault = |reason, why: &str| {
                let why = Unknown::new(reason, format!("line {number} of `{path}` {why}"));
                Fault { line: number, name: name.to_vec(), why }
            };
            if matches!(line[0], b'+' | b'-') {
                let why = "brings in others from a name service, which is not asked";
                list.faults.push(fault(Reason::NotSupported, why));
            } else if let Some(entry) = entry(number, line) {
                list.entries.push(entry);
            } else {
                list.faults.push(fault(Reason::Malformed, "cannot be read"));
            }
        }
        list
    }
}

/// Reads the text of a list of accounts.
#[must_use]
pub fn users(text: &[u8], path: &str) -> List<Account> {
    List::parse(text, path, |line, text| {
        let mut fields = text.splitn(7, |c| *c == b':');
        let (name, password) = (name(fields.next()?)?, fields.next()?);
        let (uid, gid) = (number(fields.next()?)?, number(fields.next()?)?);
        let mut rest = || fields.next().unwrap_or_default().to_vec();
        let password = (password != b"x").then(|| Password::of(password));
        let (comment, home, shell) = (rest(), rest(), rest());
        Some(Account { line, name, uid, gid, password, comment, home, shell })
    })
}

/// Reads the text of a list of groups.
#[must_use]
pub fn groups(text: &[u8], path: &str) -> List<Group> {
    List::parse(text, path, |line, text| {
        let mut fields = text.splitn(4, |c| *c == b':');
        let (name, _password) = (name(fields.next()?)?, fields.next()?);
        let gid = number(fields.next()?)?;
        let members = std::str::from_utf8(fields.next().unwrap_or_default()).ok()?;
        let members = members.split(',').map(str::trim).filter(|member| !member.is_empty());
        Some(Group { line, name, gid, members: members.map(str::to_owned).collect() })
    })
}

fn name(field: &[u8]) -> Option<String> {
    let name = std::str::from_utf8(field).ok()?;
    (!name.is_empty()).then(|| name.to_owned())
}

/// Digits and nothing else: a sign or a blank is taken differently by different programs.
fn number(field: &[u8]) -> Option<u32> {
    let digits = !field.is_empty() && field.iter().all(u8::is_ascii_digit);
    digits.then(|| std::str::from_utf8(field).ok()?.parse().ok())?
}

/// The accounts of a host, from its own file.
///
/// # Errors
/// Unknown, when the file cannot be read. A host without one has no accounts.
pub fn read_users(host: &Host) -> Result<List<Account>, Unknown> {
    let text = host.facts().read(USERS, BYTES_MAX)?;
    Ok(text.map_or_else(List::default, |text| users(&text, USERS)))
}

/// The groups of a host, from its own file.
///
/// # Errors
/// Unknown, when the file cannot be read. A host without one has no groups.
pub fn read_groups(host: &Host) -> Result<List<Group>, Unknown> {
    let text = host.facts().read(GROUPS, BYTES_MAX)?;
    Ok(text.map_or_else(List::default, |text| groups(&text, GROUPS)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_the_c_library_reads_them() {
        let text = b"# c\n\n  \troot:x:0:0:root:/root:/bin/bash\nd:x:7:8\ne::9:9:g:/h:/a:b\nroot:x:5:5::/:\n";
        let list = users(text, "/etc/passwd");
        assert!(list.whole().is_ok());
        let root = list.named("root").expect("whole").expect("there");
        assert_eq!((root.line, root.uid, &root.shell[..]), (3, 0, &b"/bin/bash"[..]));
        assert_eq!(list.again("root"), [6]);
        let e = list.named("e").expect("whole").expect("there");
        assert_eq!((&e.shell[..], e.password), (&b"/a:b"[..], Some(Password::None)));
        let text = b"docker:x:999:a, b,,c\nempty:x:5:\nshort:x:6\n";
        let list = groups(text, "/etc/group");
        assert_eq!(list.named("docker").expect("whole").expect("there").members, ["a", "b", "c"]);
        assert_eq!(list.entries().len(), 3);
    }

    #[test]
    fn a_line_that_cannot_be_read_hides_whom_it_may_mean() {
        for (bad, reason) in [
            ("nonsense", Reason::Malformed),
            ("b:x:-1:1", Reason::Malformed),
            ("b:x:4294967296:1", Reason::Malformed),
            ("b:x::1", Reason::Malformed),
            (":x:1:1", Reason::Malformed),
            ("+@staff", Reason::NotSupported),
            ("+", Reason::NotSupported),
        ] {
            let text = format!("a:x:1:1\n{bad}\nc:x:3:3\n");
            let list = users(text.as_bytes(), "/etc/passwd");
            assert_eq!(list.named("a").map(|a| a.map(|a| a.uid)), Ok(Some(1)), "{bad}");
            let why = list.named("z").expect_err("it may be meant");
            assert_eq!(why.reason, reason, "{bad}");
            assert!(why.detail.contains("line 2 of `/etc/passwd`"), "{why}");
            assert!(list.whole().is_err() && list.numbered(9).is_err());
            assert_eq!(list.named("c").is_err(), reason == Reason::NotSupported, "{bad}");
        }
        assert!(users(b"c:x:bad:3\nc:x:3:3\n", "/etc/passwd").named("c").is_err());
    }
}
