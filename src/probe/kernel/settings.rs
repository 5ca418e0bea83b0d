//! The kernel's settings: what holds now, below `/proc/sys`, and what `sysctl.d` will set at the next boot.
//!
//! The rules of the second are those of `systemd-sysctl`: files by name across all folders, the first folder of a name
//! wins, a later assignment wins over an earlier one, and a key that is spelt out wins over a pattern.

use std::collections::BTreeMap;

use globset::GlobBuilder;

use super::{lines, text};
use crate::model::{Reason, Unknown};
use crate::probe::host::{Contents, Facts, FileType};

/// The folders of `sysctl.d`, the strongest first.
const FOLDERS: [&str; 4] =
    ["/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d"];
const VALUE_BYTES_MAX: u64 = 1 << 20;
const FILE_BYTES_MAX: u64 = 1 << 20;
const ENTRIES_MAX: usize = 10_000;
/// No setting lies deeper: `net/ipv4/conf/eth0/rp_filter` is 5.
const DEPTH_MAX: usize = 10;
/// What can be written, and goes on by itself all the same.
const COUNTERS: [&str; 1] = ["kernel/ns_last_pid"];

/// The value that a setting has now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    /// Its text, with one blank for every run of blanks, tabs and line breaks.
    pub text: String,
    /// May every user of the machine read it? What only root may read can be a key.
    pub public: bool,
}

/// What will set a setting at boot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// The value, in the same form.
    pub text: String,
    /// The file that says so.
    pub file: String,
}

/// The path of a setting below `/proc/sys`, from either way of writing it.
///
/// The first separator decides, as for `sysctl`: after a dot, dots divide and a slash stands for a dot in a name.
#[must_use]
pub fn path(name: &str) -> Option<String> {
    let dots = name.find(['.', '/']).is_some_and(|at| name[at..].starts_with('.'));
    let swap = |c| match c {
        '.' => '/',
        '/' => '.',
        c => c,
    };
    let path: String = if dots { name.chars().map(swap).collect() } else { name.to_owned() };
    let good = |part: &str| !matches!(part, "" | "." | "..") && !part.contains('\0');
    path.split('/').all(good).then_some(path)
}

/// The value of one setting, by its path; `None` when this kernel has no such setting.
///
/// # Errors
/// Unknown, when it cannot be read: some settings can only be written.
pub fn read(facts: Facts<'_>, path: &str) -> Result<Option<Value>, Unknown> {
    facts.kernel()?;
    let path = format!("/proc/sys/{path}");
    let Some(stat) = facts.stat(&path)? else {
        if facts.stat("/proc/sys")?.is_none() {
            let detail =
                "there is no `/proc/sys`: without it nobody can say which settings there are";
            return Err(Unknown::new(Reason::NotSupported, detail));
        }
        return Ok(None);
    };
    let Some(bytes) = facts.read(&path, VALUE_BYTES_MAX)? else { return Ok(None) };
    let public = stat.mode.bits() & 0o004 != 0;
    Ok(Some(Value { text: plain(&text(&bytes)), public }))
}

/// Is this a setting, which holds what somebody wrote to it? What can only be read is a fact or a counter, and what can
/// only be written does something.
///
/// # Errors
/// Unknown, when that cannot be told.
pub fn is_set(facts: Facts<'_>, path: &str) -> Result<bool, Unknown> {
    let stat = facts.stat(&format!("/proc/sys/{path}"))?;
    let has = |bits: u32| stat.as_ref().is_some_and(|stat| stat.mode.bits() & bits != 0);
    Ok(has(0o444) && has(0o222) && !COUNTERS.contains(&path))
}

/// A value as it is compared: the kernel divides numbers by tabs, people by blanks.
#[must_use]
pub fn plain(value: &str) -> String {
    value.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

/// The paths of all settings of this kernel.
///
/// # Errors
/// Unknown, when they cannot be listed.
pub fn all(facts: Facts<'_>) -> Result<Vec<String>, Unknown> {
    facts.kernel()?;
    let mut found = Vec::new();
    below(facts, "", 0, &mut found)?;
    found.sort();
    Ok(found)
}

fn below(
    facts: Facts<'_>,
    folder: &str,
    depth: usize,
    found: &mut Vec<String>,
) -> Result<(), Unknown> {
    let path = format!("/proc/sys{folder}");
    let Contents::Regular(_, entries) = facts.entries(&path, ENTRIES_MAX)? else { return Ok(()) };
    for entry in entries {
        let Some(name) = entry.name.to_str() else { continue };
        let path = format!("{folder}/{name}");
        match entry.file_type {
            Some(FileType::Directory) if depth < DEPTH_MAX => {
                below(facts, &path, depth + 1, found)?;
            }
            Some(FileType::File) => found.push(path.trim_start_matches('/').to_owned()),
            _ => {}
        }
    }
    Ok(())
}

/// All that `sysctl.d` says, in the order in which it will be done.
#[derive(Debug, Default)]
pub struct Boot(Vec<Line>);

#[derive(Debug, PartialEq, Eq)]
struct Line {
    /// A path, perhaps with `*`, `?` and `[…]`.
    key: String,
    /// `None` takes the key out of every pattern.
    value: Option<Assignment>,
}

impl Boot {
    /// Reads the files.
    ///
    /// # Errors
    /// Unknown, when one of them cannot be read: it could say something else.
    pub fn read(facts: Facts<'_>) -> Result<Self, Unknown> {
        let mut files: BTreeMap<Vec<u8>, String> = BTreeMap::new();
        for folder in FOLDERS {
            let Contents::Regular(_, entries) = facts.entries(folder, ENTRIES_MAX)? else {
                continue;
            };
            for entry in entries {
                let name = entry.name.as_encoded_bytes();
                if !name.ends_with(b".conf") || name.starts_with(b".") {
                    continue;
                }
                let path = entry.name.to_str().map(|name| format!("{folder}/{name}"));
                let path = path.ok_or_else(|| {
                    let detail = format!("a name in `{folder}` is not UTF-8: `{}`", text(name));
                    Unknown::new(Reason::NotSupported, detail)
                })?;
                files.entry(name.to_vec()).or_insert(path);
            }
        }
        let mut boot = Self::default();
        for path in files.values() {
            // A link to `/dev/null` is how an administrator takes a file out.
            let masked = match facts.target(path)? {
                Contents::Regular(_, target) => target == "/dev/null",
                _ => false,
            };
            if !masked && let Some(bytes) = facts.read(path, FILE_BYTES_MAX)? {
                boot.0.extend(parse(path, &bytes));
            }
        }
        Ok(boot)
    }

    /// What a setting will be set to; `None` when nothing sets it.
    ///
    /// # Errors
    /// Unknown (`undecidable`) when a pattern cannot be understood that may mean this setting.
    pub fn sets(&self, path: &str) -> Result<Option<&Assignment>, Unknown> {
        if let Some(line) = self.0.iter().rfind(|line| line.key == path) {
            return Ok(line.value.as_ref());
        }
        for line in self.0.iter().rev() {
            let Some(assignment) = &line.value else { continue };
            if line.key.contains(['*', '?', '[']) && glob(&line.key, assignment)?.is_match(path) {
                return Ok(Some(assignment));
            }
        }
        Ok(None)
    }
}

fn glob(key: &str, assignment: &Assignment) -> Result<globset::GlobMatcher, Unknown> {
    let built = GlobBuilder::new(key).literal_separator(true).backslash_escape(true).build();
    built.map(|glob| glob.compile_matcher()).map_err(|error| {
        let detail = format!("a pattern in `{}` cannot be read: {error}", assignment.file);
        Unknown::new(Reason::Undecidable, detail)
    })
}

/// What is no assignment is passed over, as `systemd-sysctl` does, which only logs it.
fn parse(file: &str, bytes: &[u8]) -> Vec<Line> {
    let line = |line: &[u8]| {
        let line = text(line.trim_ascii());
        if line.is_empty() || line.starts_with(['#', ';']) {
            return None;
        }
        // A dash in front of an assignment only means that a failure is nobody's business.
        let dash = line.starts_with('-');
        let rest = line.strip_prefix('-').unwrap_or(&line);
        match rest.split_once('=') {
            Some((key, value)) => Some(Line {
                key: path(key.trim())?,
                value: Some(Assignment { text: plain(value), file: file.to_owned() }),
            }),
            None if dash => Some(Line { key: path(rest.trim())?, value: None }),
            None => None,
        }
    };
    lines(bytes).filter_map(|(_, text)| line(text)).collect()
}

/// Runs every parser of this file, for the test that none panics.
#[cfg(test)]
pub(super) fn parses(bytes: &[u8]) {
    let _ = Boot(parse("t", bytes)).sets("a/b");
    let _ = path(&String::from_utf8_lossy(bytes));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_separator_decides() {
        for (name, expected) in [
            ("net.ipv4.ip_forward", Some("net/ipv4/ip_forward")),
            ("net/ipv4/ip_forward", Some("net/ipv4/ip_forward")),
            ("net/ipv4/conf/eth0.100/rp_filter", Some("net/ipv4/conf/eth0.100/rp_filter")),
            ("net.ipv4.conf.eth0/100.rp_filter", Some("net/ipv4/conf/eth0.100/rp_filter")),
            ("plain", Some("plain")),
            ("", None),
            ("a..b", None),
            ("net/../x", None),
            ("/net/x", None),
            ("net.", None),
        ] {
            assert_eq!(path(name).as_deref(), expected, "{name}");
        }
    }

    fn set(texts: &[&str], key: &str) -> Option<String> {
        let boot = Boot(
            texts
                .iter()
                .enumerate()
                .flat_map(|(at, text)| parse(&format!("{at}"), text.as_bytes()))
                .collect(),
        );
        boot.sets(key).expect("patterns").map(|a| format!("{} {}", a.text, a.file))
    }

    #[test]
    fn the_last_assignment_wins_and_a_key_wins_over_a_pattern() {
        let key = "net/ipv4/conf/eth0/rp_filter";
        let found = |texts: &[&str]| set(texts, key);
        assert_eq!(
            found(&["net.ipv4.conf.eth0.rp_filter = 1", "net/ipv4/conf/eth0/rp_filter=2"])
                .as_deref(),
            Some("2 1")
        );
        assert_eq!(
            found(&["net.ipv4.conf.eth0.rp_filter = 1\nnet.ipv4.conf.*.rp_filter = 2"]).as_deref(),
            Some("1 0")
        );
        assert_eq!(
            found(&["net.ipv4.conf.*.rp_filter = 2", "net.ipv4.conf.e*.rp_filter=1"]).as_deref(),
            Some("1 1")
        );
        assert_eq!(found(&["net.ipv4.conf.*.rp_filter = 2\n-net.ipv4.conf.eth0.rp_filter"]), None);
        assert_eq!(found(&["-net.ipv4.conf.eth0.rp_filter = 7"]).as_deref(), Some("7 0"));
        assert_eq!(found(&["net.* = 2"]), None);
    }

    #[test]
    fn comments_and_what_is_no_assignment_are_passed_over() {
        let text = "# a.b = 1\n; a.b = 1\nnonsense\n\n a.b =  4096\t131072  6291456 \n";
        assert_eq!(set(&[text], "a/b").as_deref(), Some("4096 131072 6291456 0"));
        assert_eq!(set(&[text], "a/c"), None);
    }

    #[test]
    fn a_pattern_that_cannot_be_read_is_no_guess() {
        let boot = Boot(parse("f", b"a.[b = 1"));
        assert_eq!(boot.sets("a/b").map_err(|u| u.reason), Err(Reason::Undecidable));
    }
}
