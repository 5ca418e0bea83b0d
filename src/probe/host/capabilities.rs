//! File capabilities: the bytes of `security.capability`, and the text that `getcap` and `setcap` use.
//!
//! Two texts can mean the same set, so they are compared as sets.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::probe::capability::{self, ALL};

const REVISION: u32 = 0xff00_0000;
const EFFECTIVE: u32 = 1;

/// What a program gets when it is executed from the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FileCapabilities {
    permitted: u64,
    inheritable: u64,
    /// What is permitted is in effect from the start.
    effective: bool,
    /// The user who is root of the namespace in which it holds; 0 for all of the machine.
    root: u32,
}

/// Why a text names no capabilities.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CapabilityError {
    /// A part that is no clause.
    #[error("`{0}` is no clause such as `cap_net_bind_service=ep`")]
    Clause(String),
    /// A name that the kernel does not have.
    #[error("there is no capability `{0}`")]
    Name(String),
    /// Some in effect and others not.
    #[error("a file has one switch `e` for all of its capabilities, so either all have it or none")]
    Effective,
}

impl FileCapabilities {
    /// None at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Reads the value of `security.capability` of any revision; `None` when it is none that the kernel writes.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let (words, []) = bytes.as_chunks::<4>() else { return None };
        let words: Vec<u32> = words.iter().map(|word| u32::from_le_bytes(*word)).collect();
        let (magic, rest) = words.split_first()?;
        let pair = |low: u32, high: u32| u64::from(low) | u64::from(high) << 32;
        let (permitted, inheritable, root) = match (magic & REVISION, rest) {
            (0x0100_0000, &[p, i]) => (p.into(), i.into(), 0),
            (0x0200_0000, &[p, i, p2, i2]) => (pair(p, p2), pair(i, i2), 0),
            (0x0300_0000, &[p, i, p2, i2, root]) => (pair(p, p2), pair(i, i2), root),
            _ => return None,
        };
        (magic & !REVISION & !EFFECTIVE == 0).then_some(Self {
            permitted,
            inheritable,
            effective: magic & EFFECTIVE != 0,
            root,
        })
    }
}

/// As `getcap -n` writes it: sets of one combination of flags together.
impl fmt::Display for FileCapabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        let mut rest = self.permitted | self.inheritable;
        while rest != 0 {
            let lowest = rest.trailing_zeros();
            let flags =
                |number: u32| (self.inheritable >> number & 1, self.permitted >> number & 1);
            let same = |number: &u32| rest >> number & 1 == 1 && flags(*number) == flags(lowest);
            let group: Vec<u32> = (0..64).filter(same).collect();
            let set = group.iter().fold(0, |set, number| set | 1_u64 << number);
            rest &= !set;
            let names: Vec<String> = group.iter().map(|number| name(*number)).collect();
            let names = if set == ALL { String::new() } else { names.join(",") };
            let (i, p) = flags(lowest);
            let flags = [(self.effective, "e"), (i == 1, "i"), (p == 1, "p")];
            let flags: String = flags.iter().filter(|(set, _)| *set).map(|(_, c)| *c).collect();
            write!(f, "{separator}{names}={flags}")?;
            separator = " ";
        }
        if self.root != 0 {
            write!(f, "{separator}[rootid={}]", self.root)?;
        }
        Ok(())
    }
}

fn name(number: u32) -> String {
    capability::name(number).map_or_else(|| number.to_string(), |name| format!("cap_{name}"))
}

impl FromStr for FileCapabilities {
    type Err = CapabilityError;

    fn from_str(text: &str) -> Result<Self, CapabilityError> {
        let mut sets = Sets::default();
        let mut root = 0;
        for clause in text.split_whitespace() {
            let bad = || CapabilityError::Clause(clause.to_owned());
            if let Some(user) = clause.strip_prefix("[rootid=") {
                let user = user.strip_suffix(']').and_then(|user| user.parse().ok());
                root = user.ok_or_else(bad)?;
            } else {
                sets.apply(clause)?;
            }
        }
        let Sets { effective, inheritable, permitted } = sets;
        if effective != 0 && effective != permitted | inheritable {
            return Err(CapabilityError::Effective);
        }
        Ok(Self { permitted, inheritable, effective: effective != 0, root })
    }
}

#[derive(Default)]
struct Sets {
    effective: u64,
    inheritable: u64,
    permitted: u64,
}

impl Sets {
    /// One clause: names, then one or more of `=`, `+`, `-`, each with flags.
    fn apply(&mut self, clause: &str) -> Result<(), CapabilityError> {
        let bad = || CapabilityError::Clause(clause.to_owned());
        let at = clause.find(['=', '+', '-']).ok_or_else(bad)?;
        let (names, mut actions) = clause.split_at(at);
        if names.is_empty() && !actions.starts_with('=') {
            return Err(bad());
        }
        let which = numbers(names)?;
        while let Some(operator) = actions.chars().next() {
            let rest = &actions[1..];
            let end = rest.find(['=', '+', '-']).unwrap_or(rest.len());
            let (flags, next) = rest.split_at(end);
            if flags.contains(|c| !"eip".contains(c)) {
                return Err(bad());
            }
            let sets = [
                (&mut self.effective, 'e'),
                (&mut self.inheritable, 'i'),
                (&mut self.permitted, 'p'),
            ];
            for (set, flag) in sets {
                let raised = flags.contains(flag);
                match operator {
                    '-' if raised => *set &= !which,
                    '=' if !raised => *set &= !which,
                    '-' => {}
                    _ if raised => *set |= which,
                    _ => {}
                }
            }
            actions = next;
        }
        Ok(())
    }
}

fn numbers(names: &str) -> Result<u64, CapabilityError> {
    if names.is_empty() || names.eq_ignore_ascii_case("all") {
        return Ok(ALL);
    }
    names.split(',').try_fold(0, |set, name| {
        let lower = name.to_ascii_lowercase();
        let plain = lower.strip_prefix("cap_").unwrap_or_default();
        let known = capability::number(plain);
        let number = known.or_else(|| name.parse().ok().filter(|number| *number < u64::BITS));
        number
            .map(|number| set | 1_u64 << number)
            .ok_or_else(|| CapabilityError::Name(name.to_owned()))
    })
}

impl Serialize for FileCapabilities {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for FileCapabilities {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(hex: &str) -> Option<FileCapabilities> {
        let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex");
        let bytes: Vec<u8> = (0..hex.len()).step_by(2).map(byte).collect();
        FileCapabilities::parse(&bytes)
    }

    #[test]
    fn every_revision_is_read_and_nothing_else() {
        for (hex, text) in [
            ("010000010004000000000000", "cap_net_bind_service=ep"),
            ("0000000200040000000000000000000000000000", "cap_net_bind_service=p"),
            (
                "0100000200340000000000000000000000000000",
                "cap_net_bind_service,cap_net_admin,cap_net_raw=ep",
            ),
            ("01000002000000000000000080000000c0000000", "cap_bpf=eip cap_perfmon=ei"),
            ("010000030020000000000000000000000000000040420f00", "cap_net_raw=ep [rootid=1000000]"),
            ("01000002ffffffff00000000ff01000000000000", "=ep"),
            ("00000002000000000000000000000000000000ff", "56,57,58,59,60,61,62,63=i"),
        ] {
            let read = parsed(hex).expect(hex);
            let again: FileCapabilities = text.parse().expect(text);
            assert_eq!(read, again, "{hex}");
            assert_eq!(read.to_string().parse(), Ok(read), "{read}");
        }
        let plain = parsed("010000010004000000000000").expect("a first revision");
        assert_eq!(plain.to_string(), "cap_net_bind_service=ep");
        for bad in [
            "",
            "01",
            "00000002",
            "0000000400040000000000000000000000000000",
            "0200000200040000000000000000000000000000",
            "00000002000400000000000000000000",
        ] {
            assert_eq!(parsed(bad), None, "{bad}");
        }
    }

    #[test]
    fn texts_are_compared_as_sets() {
        let set = |text: &str| text.parse::<FileCapabilities>();
        for (a, b) in [
            ("cap_net_raw,cap_net_admin=ep", "cap_net_admin=ep cap_net_raw+ep"),
            ("= cap_net_raw+ep", "CAP_NET_RAW=pe"),
            ("all=ep", "=ep"),
            ("=ep cap_chown-ep", "all=pe cap_chown="),
            ("", "cap_chown="),
        ] {
            assert_eq!(set(a), set(b), "{a}");
            assert!(set(a).is_ok(), "{a}");
        }
        assert!(set("").expect("none").is_empty());
        assert_eq!(set("cap_nett_raw=ep"), Err(CapabilityError::Name("cap_nett_raw".into())));
        for bad in ["cap_net_raw", "cap_net_raw=x", "+ep", "net_raw", "[rootid=x]"] {
            assert_eq!(set(bad), Err(CapabilityError::Clause(bad.into())));
        }
        assert_eq!(set("cap_chown=ep cap_kill=p"), Err(CapabilityError::Effective));
        assert_eq!(set("cap_chown=e"), Err(CapabilityError::Effective));
    }
}
