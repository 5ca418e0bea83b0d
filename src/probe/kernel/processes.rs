//! The processes that run: `/proc/PID`.
//!
//! Kernel threads and zombies are none: the one has no program, the other has ended. What ends while it is looked at is
//! left out, which is what one would have seen a moment later. Arguments are compared here and never handed on.

use std::fmt;

use super::{lines, mounts, number, required, text, words};
use crate::model::{Reason, Unknown};
use crate::probe::host::{Contents, Facts, FileType};

/// Linux numbers at most 4,194,304 processes.
const PROCESSES_MAX: usize = 1 << 22;
/// A user in as many groups as Linux allows has a table of some 700 kB.
const TABLE_BYTES_MAX: u64 = 1 << 20;
/// More than the 6 MiB that Linux lets arguments and environment have together.
const COMMAND_BYTES_MAX: u64 = 8 << 20;
/// `PF_KTHREAD` of the kernel's flags of a task.
const KERNEL_THREAD: u64 = 0x0020_0000;
const SYS_PTRACE: u32 = 19;

/// A process. What can be read without rights is plain; the rest says why it could not be.
#[derive(Debug)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// Its short name (`comm`), at most 15 bytes; the process may change it.
    pub name: String,
    /// The effective user.
    pub uid: u32,
    /// The capabilities that it may use (permitted), one bit each.
    pub capabilities: u64,
    /// Can it gain no rights by starting a program? `None` on a kernel that does not tell.
    pub no_new_privs: Option<bool>,
    /// The program it runs; `None` when it ended meanwhile.
    pub exe: Result<Option<Exe>, Unknown>,
    /// The systemd unit that its control group names.
    pub unit: Option<String>,
    command: Option<Result<Command, Unknown>>,
}

/// The program that a process runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exe {
    /// Its path, as the process's own mount namespace has it.
    pub path: String,
    /// Was the file removed or replaced since the process started?
    pub deleted: bool,
}

/// The arguments of a process. They may hold secrets, so nothing shows them.
struct Command(Vec<u8>);

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(arguments)")
    }
}

impl Process {
    /// Do its arguments begin with these, word by word?
    ///
    /// # Errors
    /// Unknown, when they could not be read, or nobody asked for them when the processes were read.
    pub fn runs(&self, words: &[String]) -> Result<bool, Unknown> {
        match &self.command {
            Some(Ok(Command(bytes))) => Ok(begins(bytes, words)),
            Some(Err(unknown)) => Err(unknown.clone()),
            None => Err(Unknown::new(Reason::NoAnswer, "its arguments were not read")),
        }
    }
}

/// All of them, by their numbers; with their arguments where somebody has to compare those.
///
/// # Errors
/// Unknown, when the list cannot be read, or would leave out those of other users.
pub fn read(facts: Facts<'_>, commands: bool) -> Result<Vec<Process>, Unknown> {
    visible(facts)?;
    let pids = pids(facts)?;
    if pids.is_empty() {
        let detail = "`/proc` lists no process at all: it is not mounted";
        return Err(Unknown::new(Reason::NotSupported, detail));
    }
    let mut found = Vec::new();
    for pid in pids {
        found.extend(one(facts, pid, commands)?);
    }
    Ok(found)
}

/// The numbers of all processes that can be seen, ascending.
pub(super) fn pids(facts: Facts<'_>) -> Result<Vec<u32>, Unknown> {
    facts.kernel()?;
    let Contents::Regular(_, entries) = facts.entries("/proc", PROCESSES_MAX)? else {
        return Err(Unknown::new(Reason::NotSupported, "`/proc` is no directory"));
    };
    let folders = entries.iter().filter(|e| e.file_type.is_none_or(|t| t == FileType::Directory));
    let mut pids: Vec<u32> =
        folders.filter_map(|entry| number(entry.name.as_encoded_bytes())).collect();
    pids.sort_unstable();
    Ok(pids)
}

/// Refuses a `/proc` that shows each user only his own processes, unless this program has the right to see them all.
pub(super) fn visible(facts: Facts<'_>) -> Result<(), Unknown> {
    facts.kernel()?;
    let hides = |option: &String| {
        option.strip_prefix("hidepid=").is_some_and(|how| !matches!(how, "0" | "off"))
    };
    let own = mounts::own(facts)?;
    let proc = own.iter().rfind(|mount| mount.point == "/proc");
    if !proc.is_some_and(|mount| mount.options.iter().any(hides)) {
        return Ok(());
    }
    let status = required(facts, "/proc/self/status", TABLE_BYTES_MAX)?;
    let status = parse_status(&status);
    if status.is_some_and(|status| status.effective & (1 << SYS_PTRACE) != 0) {
        return Ok(());
    }
    let detail =
        "`/proc` is mounted with `hidepid`, which hides the processes of other users from this one";
    Err(Unknown::new(Reason::PermissionDenied, detail))
}

fn one(facts: Facts<'_>, pid: u32, commands: bool) -> Result<Option<Process>, Unknown> {
    let Some(stat) = table(facts, pid, "stat")? else { return Ok(None) };
    let Some(stat) = parse_stat(&stat) else { return Err(unreadable(pid, "stat")) };
    if stat.flags & KERNEL_THREAD != 0 || matches!(stat.state, b'Z' | b'X' | b'x') {
        return Ok(None);
    }
    let Some(status) = table(facts, pid, "status")? else { return Ok(None) };
    let Some(status) = parse_status(&status) else { return Err(unreadable(pid, "status")) };
    let process = Process {
        pid,
        name: stat.name,
        uid: status.uid,
        capabilities: status.permitted,
        no_new_privs: status.no_new_privs,
        exe: exe(facts, pid),
        unit: unit(facts, pid)?,
        command: commands.then(|| command(facts, pid)),
    };
    // The number may have gone to another process meanwhile: then this is a mixture of two.
    let again = table(facts, pid, "stat")?.and_then(|bytes| parse_stat(&bytes));
    let same = again.is_some_and(|again| again.started == stat.started && again.state != b'Z');
    Ok(same.then_some(process))
}

/// A table of one process; `None` when the process has ended.
fn table(facts: Facts<'_>, pid: u32, name: &str) -> Result<Option<Vec<u8>>, Unknown> {
    let read = facts.read(&format!("/proc/{pid}/{name}"), TABLE_BYTES_MAX);
    ended(facts, pid, read.transpose())
}

/// A failure is none when the process has ended: the kernel answers ESRCH from an open table.
fn ended<T>(
    facts: Facts<'_>,
    pid: u32,
    read: Option<Result<T, Unknown>>,
) -> Result<Option<T>, Unknown> {
    match read.transpose() {
        Err(unknown) if unknown.reason == Reason::IoError => {
            if facts.stat(&format!("/proc/{pid}"))?.is_none() { Ok(None) } else { Err(unknown) }
        }
        read => read,
    }
}

fn unreadable(pid: u32, name: &str) -> Unknown {
    Unknown::new(Reason::Malformed, format!("`/proc/{pid}/{name}` is not as the kernel writes it"))
}

pub(super) fn exe(facts: Facts<'_>, pid: u32) -> Result<Option<Exe>, Unknown> {
    const DELETED: &[u8] = b" (deleted)";
    let target = facts.target(&format!("/proc/{pid}/exe"));
    let target = match target {
        Ok(Contents::Regular(_, target)) => target,
        Ok(_) => return Ok(None),
        Err(unknown) => return ended(facts, pid, Some(Err(unknown))),
    };
    let target = target.as_encoded_bytes();
    let path = target.strip_suffix(DELETED);
    Ok(Some(Exe { path: text(path.unwrap_or(target)), deleted: path.is_some() }))
}

fn command(facts: Facts<'_>, pid: u32) -> Result<Command, Unknown> {
    let read = facts.read(&format!("/proc/{pid}/cmdline"), COMMAND_BYTES_MAX);
    Ok(Command(ended(facts, pid, read.transpose())?.unwrap_or_default()))
}

/// The unit that holds a process; `None` for one outside of every unit, or that has ended.
pub(super) fn unit(facts: Facts<'_>, pid: u32) -> Result<Option<String>, Unknown> {
    Ok(table(facts, pid, "cgroup")?.and_then(|bytes| parse_cgroup(&bytes)))
}

/// The short name of a process; `None` when it has ended.
pub(super) fn name(facts: Facts<'_>, pid: u32) -> Result<Option<String>, Unknown> {
    Ok(table(facts, pid, "stat")?.and_then(|bytes| parse_stat(&bytes)).map(|stat| stat.name))
}

fn begins(command: &[u8], words: &[String]) -> bool {
    // Each argument ends with a NUL; a process that rewrote them may have left it out.
    let mut arguments = command.strip_suffix(&[0]).unwrap_or(command).split(|c| *c == 0);
    words.iter().all(|word| arguments.next() == Some(word.as_bytes()))
}

#[derive(Debug, PartialEq, Eq)]
struct StatLine {
    name: String,
    state: u8,
    flags: u64,
    started: u64,
}

/// `812 (any (text)) S 1 …`: the name may hold anything, so its end is the last parenthesis.
fn parse_stat(bytes: &[u8]) -> Option<StatLine> {
    let start = bytes.iter().position(|c| *c == b'(')?;
    let end = bytes.iter().rposition(|c| *c == b')')?;
    let name = text(bytes.get(start + 1..end)?);
    let rest = bytes.get(end + 1..)?.trim_ascii();
    let fields: Vec<&[u8]> = words(rest).collect();
    let state = *fields.first()?.first()?;
    // The third field of the page proc(5) is the first here.
    Some(StatLine {
        name,
        state,
        flags: number(fields.get(6)?)?,
        started: number(fields.get(19)?)?,
    })
}

#[derive(Debug, PartialEq, Eq)]
struct Status {
    uid: u32,
    permitted: u64,
    effective: u64,
    no_new_privs: Option<bool>,
}

fn parse_status(bytes: &[u8]) -> Option<Status> {
    let value = |key: &[u8]| {
        let mut found = lines(bytes).filter_map(|(_, line)| line.strip_prefix(key));
        found.next().and_then(|line| line.strip_prefix(b":"))
    };
    let bits = |key: &[u8]| {
        let text = std::str::from_utf8(value(key)?).ok()?.trim();
        u64::from_str_radix(text, 16).ok()
    };
    Some(Status {
        uid: number(words(value(b"Uid")?).nth(1)?)?,
        permitted: bits(b"CapPrm")?,
        effective: bits(b"CapEff")?,
        no_new_privs: value(b"NoNewPrivs").map(|value| value.trim_ascii() != b"0"),
    })
}

/// The first part of the path that is a unit and no slice, of the hierarchy that belongs to systemd.
fn parse_cgroup(bytes: &[u8]) -> Option<String> {
    let path = |wanted: &[u8]| {
        lines(bytes).find_map(|(_, line)| {
            let mut fields = line.splitn(3, |c| *c == b':');
            let (_, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
            (controllers == wanted).then_some(path)
        })
    };
    let path = path(b"name=systemd").or_else(|| path(b""))?;
    let mut parts = path.split(|c| *c == b'/').map(text);
    parts.find(|part| {
        [".service", ".scope", ".socket", ".mount", ".swap"].iter().any(|end| part.ends_with(end))
    })
}

/// Runs every parser of this file, for the test that none panics.
#[cfg(test)]
pub(super) fn parses(bytes: &[u8]) {
    let _ = (parse_stat(bytes), parse_status(bytes), parse_cgroup(bytes));
    begins(bytes, &["a".to_owned()]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stat(name: &str, flags: u64) -> String {
        format!("812 ({name}) S 1 812 812 0 -1 {flags} 1 2 3 4 5 6 7 8 20 0 1 0 4242 9 9\n")
    }

    #[test]
    fn a_name_may_hold_what_ends_it() {
        for name in ["python3", "a) S (b", "((", "a b", ""] {
            let line = parse_stat(stat(name, 4_194_560).as_bytes()).expect("a line");
            let expected =
                StatLine { name: name.into(), state: b'S', flags: 4_194_560, started: 4242 };
            assert_eq!(line, expected);
        }
        for bad in ["", "812", "812 (x", "812 (x)", "812 )x(", "812 (x) S 1"] {
            assert_eq!(parse_stat(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn a_status_has_users_capabilities_and_one_flag() {
        let text = "Name:\tx\nUid:\t1000\t33\t33\t33\nCapPrm:\t0000000000000400\nCapEff:\t0000000000000000\nNoNewPrivs:\t1\n";
        let status = parse_status(text.as_bytes()).expect("a status");
        assert_eq!(
            status,
            Status { uid: 33, permitted: 0x400, effective: 0, no_new_privs: Some(true) }
        );
        assert_eq!(parse_status(b"Name:\tx\n"), None);
        // The name is the first line and may pretend to be another one; the kernel escapes its line breaks.
        let hostile = format!("Name:\tUid:\\n0\n{}", &text[8..]);
        assert_eq!(parse_status(hostile.as_bytes()).expect("a status").uid, 33);
    }

    #[test]
    fn a_unit_is_the_first_part_that_is_no_slice() {
        for (text, unit) in [
            ("0::/system.slice/cutter-agent.service\n", Some("cutter-agent.service")),
            ("0::/system.slice/docker-ab12.scope/x\n", Some("docker-ab12.scope")),
            (
                "0::/user.slice/user-1.slice/user@1.service/app.slice/a.service\n",
                Some("user@1.service"),
            ),
            (
                "12:pids:/x.service\n1:name=systemd:/system.slice/ssh.service\n0::/\n",
                Some("ssh.service"),
            ),
            ("0::/\n", None),
            ("nonsense\n", None),
        ] {
            assert_eq!(parse_cgroup(text.as_bytes()).as_deref(), unit, "{text}");
        }
    }

    #[test]
    fn arguments_are_compared_word_by_word() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let command = b"python3\0-m\0cutter_agent\0--token\0hunter2\0";
        assert!(begins(command, &words("python3 -m cutter_agent")));
        assert!(!begins(command, &words("python3 -m cutter")));
        assert!(!begins(command, &words("python -m")));
        assert!(begins(b"x", &words("x")));
        assert!(!begins(b"x\0", &words("x y")));
        assert!(!begins(b"", &words("x")));
        assert_eq!(format!("{:?}", Command(command.to_vec())), "(arguments)");
    }
}
