//! Who the numbers of owners and groups are, and who the host itself is: from the files of the root that is observed.
//!
//! Never from the name service of the machine that observes: under another root its answers would be about itself.

use std::collections::BTreeMap;

use super::Host;
use crate::model::display::one_line;
use crate::model::{Reason, Unknown};
use crate::probe::accounts::{self, List, Listed};

/// A list of users or of groups.
#[derive(Debug)]
pub(super) struct Names {
    /// Why it could not be read.
    unreadable: Option<Unknown>,
    /// Why a number that it does not hold may have a name all the same.
    incomplete: Option<Unknown>,
    known: BTreeMap<u32, String>,
}

impl Names {
    pub(super) fn of_users(host: &Host) -> Self {
        Self::read(host, "/etc/passwd", accounts::users)
    }

    pub(super) fn of_groups(host: &Host) -> Self {
        Self::read(host, "/etc/group", accounts::groups)
    }

    fn read<T: Listed>(host: &Host, path: &str, parse: fn(&[u8], &str) -> List<T>) -> Self {
        match host.own(path) {
            Ok(text) => Self::of_list(&parse(&text.unwrap_or_default(), path)),
            Err(unknown) => {
                Self { unreadable: Some(unknown), incomplete: None, known: BTreeMap::new() }
            }
        }
    }

    /// The first line of a number wins, as in the C library.
    fn of_list<T: Listed>(list: &List<T>) -> Self {
        let mut known = BTreeMap::new();
        for entry in list.entries() {
            known.entry(entry.number()).or_insert_with(|| entry.name().to_owned());
        }
        Self { unreadable: None, incomplete: list.fault().cloned(), known }
    }

    /// The name of a number; the number as text when it is known to have none.
    pub(super) fn of(&self, number: u32) -> Result<String, Unknown> {
        if number == 0 {
            return Ok("root".to_owned());
        }
        if let Some(unknown) = &self.unreadable {
            return Err(unknown.clone());
        }
        match (self.known.get(&number), &self.incomplete) {
            // Whoever else is called so has not the rights that the name promises.
            (Some(name), _) if name == "root" => Ok(number.to_string()),
            (Some(name), _) => Ok(name.clone()),
            (None, Some(unknown)) => Err(unknown.clone()),
            (None, None) => Ok(number.to_string()),
        }
    }
}

impl Names {
    /// The number of a name: the lowest that is called so, and the number itself for one that stands for a number without
    /// a name. The inverse of [`Names::of`], so that what is made by a name is seen under that name.
    pub(super) fn number(&self, name: &str) -> Result<Option<u32>, Unknown> {
        if name == "root" {
            return Ok(Some(0));
        }
        if let Some(unknown) = &self.unreadable {
            return Err(unknown.clone());
        }
        if let Some((number, _)) = self.known.iter().find(|(_, known)| *known == name) {
            return Ok(Some(*number));
        }
        if let Some(unknown) = &self.incomplete {
            return Err(unknown.clone());
        }
        let number = name.parse::<u32>().ok().filter(|number| number.to_string() == name);
        Ok(number.filter(|number| !self.known.contains_key(number)))
    }
}

impl Host {
    /// The name of a user of this host; its number as text where it has none.
    ///
    /// # Errors
    /// Unknown, when the host's own list of users cannot be read: then nobody can say that there is no name.
    pub fn user_name(&self, uid: u32) -> Result<String, Unknown> {
        self.users.get_or_init(|| Names::of_users(self)).of(uid)
    }

    /// The number of the user of that name; `None` where nobody has it. The number as text is its own name.
    ///
    /// # Errors
    /// Unknown, when the host's own list of users cannot be read as a whole.
    pub fn user_number(&self, name: &str) -> Result<Option<u32>, Unknown> {
        self.users.get_or_init(|| Names::of_users(self)).number(name)
    }

    /// The number of the group of that name.
    ///
    /// # Errors
    /// Unknown, when the host's own list of groups cannot be read as a whole.
    pub fn group_number(&self, name: &str) -> Result<Option<u32>, Unknown> {
        self.groups.get_or_init(|| Names::of_groups(self)).number(name)
    }

    /// The name of a group of this host; its number as text where it has none.
    ///
    /// # Errors
    /// Unknown, when the host's own list of groups cannot be read.
    pub fn group_name(&self, gid: u32) -> Result<String, Unknown> {
        self.groups.get_or_init(|| Names::of_groups(self)).of(gid)
    }
}

/// See [`Host::hostname`].
pub(super) fn hostname(host: &Host) -> Result<String, Unknown> {
    if host.live {
        let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
        return Ok(name);
    }
    first_line(host, "/etc/hostname")
}

/// See [`Host::machine_id`].
pub(super) fn machine_id(host: &Host) -> Result<String, Unknown> {
    first_line(host, "/etc/machine-id")
}

/// The first line that is neither blank nor a comment, without the blanks around it.
fn first_line(host: &Host, path: &str) -> Result<String, Unknown> {
    let unverified =
        |why: String| Unknown::new(Reason::IdentityUnverified, format!("`{path}` {why}"));
    let bytes = host.own(path)?.ok_or_else(|| unverified("does not exist".into()))?;
    let text = String::from_utf8(bytes).map_err(|_| unverified("is not UTF-8".into()))?;
    let line = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'));
    let line = line.ok_or_else(|| unverified("is empty".into()))?;
    if line.chars().any(|c| c.is_whitespace() || c.is_control()) || line.len() > 255 {
        return Err(unverified(format!("holds no name but `{}`", one_line(line, 60))));
    }
    Ok(line.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_get_names_only_when_that_is_certain() {
        let text =
            b"toor:x:0:0::/:\ndeploy:x:1000:1000::/:\nagain:x:1000:7::/:\nroot:x:7:7::/:\n# c\n";
        let names = Names::of_list(&accounts::users(text, "/etc/passwd"));
        let of = |number| names.of(number).expect("a whole file");
        assert_eq!([of(0), of(1000), of(7), of(8)], ["root", "deploy", "7", "8"]);
        let number = |name| names.number(name).expect("a whole file");
        assert_eq!([number("root"), number("deploy"), number("8")], [Some(0), Some(1000), Some(8)]);
        assert_eq!([number("1000"), number("nobody"), number("08")], [None, None, None]);
    }

    #[test]
    fn a_garbled_list_leaves_unlisted_numbers_unknown() {
        for garbled in [&b"a:x:1:1\nnonsense\n"[..], b"a:x:1:1\n+::::\n", b"a:x:1:1\nb:x:\xff:\n"] {
            let names = Names::of_list(&accounts::users(garbled, "/etc/passwd"));
            assert_eq!(names.of(0).as_deref(), Ok("root"));
            assert_eq!(names.of(1).as_deref(), Ok("a"));
            let why = names.of(2).map_err(|u| u.reason);
            let by_service = garbled.contains(&b'+');
            let expected = if by_service { Reason::NotSupported } else { Reason::Malformed };
            assert_eq!(why, Err(expected));
        }
    }
}
