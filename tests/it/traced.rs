//! What a command asks the kernel for, as `strace` writes it down, and what of that could change something.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use countersign::probe::runner::PROGRAMS;

/// Every system call that could change something, start something or talk to somebody. A `?` tolerates a name that this
/// architecture lacks; a wrong name without it makes `strace` itself fail.
const CALLS: &[&str] = &[
    "?open",
    "?creat",
    "openat",
    "?openat2",
    "?unlink",
    "unlinkat",
    "?rename",
    "?renameat",
    "renameat2",
    "?mkdir",
    "mkdirat",
    "?rmdir",
    "?link",
    "linkat",
    "?symlink",
    "symlinkat",
    "?mknod",
    "mknodat",
    "?chmod",
    "fchmod",
    "fchmodat",
    "?fchmodat2",
    "?chown",
    "?lchown",
    "fchown",
    "fchownat",
    "truncate",
    "ftruncate",
    "fallocate",
    "?utime",
    "?utimes",
    "?futimesat",
    "utimensat",
    "setxattr",
    "lsetxattr",
    "fsetxattr",
    "removexattr",
    "lremovexattr",
    "fremovexattr",
    "?setxattrat",
    "?removexattrat",
    "?file_setattr",
    "mount",
    "umount2",
    "?mount_setattr",
    "?move_mount",
    "?fsmount",
    "?fsconfig",
    "pivot_root",
    "chroot",
    "sethostname",
    "setdomainname",
    "settimeofday",
    "clock_settime",
    "adjtimex",
    "?clock_adjtime",
    "reboot",
    "swapon",
    "swapoff",
    "init_module",
    "finit_module",
    "delete_module",
    "kexec_load",
    "?kexec_file_load",
    "bpf",
    "ptrace",
    "process_vm_writev",
    "kill",
    "tkill",
    "tgkill",
    "?pidfd_send_signal",
    "execve",
    "execveat",
    "?io_uring_setup",
    "quotactl",
    "acct",
    "setns",
    "unshare",
    "copy_file_range",
    "?keyctl",
    "?add_key",
    "connect",
    "bind",
    "listen",
    "ioctl",
];

/// Opening with one of these could change something.
const WRITING: &[&str] = &["O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC", "O_APPEND", "O_TMPFILE"];
/// What the libraries under the program ask of a terminal or of a new descriptor; none of it changes a file.
const HARMLESS_IOCTLS: &[&str] = &["TCGETS", "TIOCGWINSZ", "FIONBIO", "FIOCLEX", "FS_IOC_GETFLAGS"];

/// The calls of a command and all that it starts; `None` where this machine forbids tracing.
pub(crate) fn trace(traced: Command) -> Option<(i32, Vec<String>)> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("trace");
    let output = under_strace(traced, &file).output().ok()?;
    let refused = String::from_utf8_lossy(&output.stderr).contains("Operation not permitted");
    let lines = calls(&file).filter(|_| !refused)?;
    Some((output.status.code().unwrap_or(-1), lines))
}

/// The calls in a trace; `None` where there is none.
pub(crate) fn calls(file: &Path) -> Option<Vec<String>> {
    let text = fs::read_to_string(file).ok().filter(|text| !text.is_empty())?;
    Some(whole_lines(&text))
}

/// A command whose calls, and those of all that it starts, are written to a file.
pub(crate) fn under_strace(mut traced: Command, file: &Path) -> Command {
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-y", "-s", "256", "-o"]).arg(file);
    strace.arg("-e").arg(format!("trace={}", CALLS.join(","))).arg("-e").arg("signal=none");
    strace.arg("--").arg(traced.get_program()).args(traced.get_args()).env_clear();
    for (name, value) in traced.get_envs() {
        strace.env(name, value.unwrap_or_default());
    }
    traced.env_clear();
    strace
}

/// The lines of a trace, with calls that were interrupted by another thread's put together again.
fn whole_lines(text: &str) -> Vec<String> {
    let mut begun: BTreeMap<String, String> = BTreeMap::new();
    let mut lines = Vec::new();
    for line in text.lines() {
        let (pid, call) = line.split_once(' ').unwrap_or(("", line));
        let call = call.trim_start();
        if let Some(start) = call.strip_suffix(" <unfinished ...>") {
            begun.insert(pid.to_owned(), start.to_owned());
        } else if let Some((_, rest)) = call.split_once(" resumed>") {
            lines.push(format!("{}{rest}", begun.remove(pid).unwrap_or_default()));
        } else {
            lines.push(call.to_owned());
        }
    }
    lines.extend(begun.into_values());
    lines
}

/// What of a trace could have changed something, or starts a program that is not permitted.
pub(crate) fn faults(lines: &[String], program: &str) -> Vec<String> {
    lines.iter().filter(|line| !is_harmless(line, program)).cloned().collect()
}

pub(crate) fn is_harmless(line: &str, program: &str) -> bool {
    let name = line.split('(').next().unwrap_or_default();
    match name {
        "open" | "openat" | "openat2" => {
            !WRITING.iter().any(|flag| line.contains(flag)) || line.contains("\"/dev/null\"")
        }
        "execve" => {
            let path = line.split('"').nth(1).unwrap_or_default();
            let file = path.rsplit('/').next().unwrap_or_default();
            // A search through PATH tries names that are not there.
            let listed = PROGRAMS.contains(&path) || PROGRAMS.contains(&file);
            path == program || listed || line.contains("= -1 ENOENT")
        }
        // The socket of a container engine, which was found beneath the root and is held.
        "connect" => line.contains("sun_path=\"/proc/self/fd/"),
        // The end of a group that was started here.
        "kill" => line.starts_with("kill(-") && line.contains("SIGKILL"),
        "ioctl" => HARMLESS_IOCTLS.iter().any(|call| line.contains(call)),
        _ => line.starts_with("+++") || line.starts_with("---"),
    }
}

/// Does a call change nothing but what lies in these folders?
pub(crate) fn is_within(line: &str, own: &[PathBuf]) -> bool {
    let places = places(line);
    !places.is_empty() && places.iter().all(|place| own.iter().any(|own| place.starts_with(own)))
}

/// The places that a call names: what stands in quotes, below the descriptor before it where it is relative; descriptors alone
/// where nothing does. What stands after the result is none.
fn places(line: &str) -> Vec<PathBuf> {
    let call = line.rsplit_once(") = ").map_or(line, |(call, _)| call);
    let (mut named, mut open) = (Vec::new(), Vec::new());
    let mut rest = call;
    while let Some(at) = rest.find(['"', '<']) {
        let end = if rest.as_bytes()[at] == b'"' { '"' } else { '>' };
        let Some(length) = rest[at + 1..].find(end) else { break };
        let text = Path::new(&rest[at + 1..at + 1 + length]);
        if end == '>' {
            open.push(text.to_owned());
        } else {
            let above = open.last().map_or(Path::new(""), PathBuf::as_path);
            named.push(above.join(text));
        }
        rest = &rest[at + 2 + length..];
    }
    if named.is_empty() { open } else { named }
}

#[test]
fn places_are_told_apart() {
    let own = ["/own".into()];
    for within in [
        "mkdir(\"/own/x\", 0700) = 0",
        "openat(AT_FDCWD</>, \"/own/x\", O_RDWR|O_CREAT, 0600) = 7</own/x>",
        "unlinkat(5</own>, \"x\", 0) = 0",
        "ftruncate(5</own/x>, 0) = 0",
        "rename(\"/own/a\", \"/own/b\") = 0",
    ] {
        assert!(is_within(within, &own), "{within}");
    }
    for beyond in [
        "mkdir(\"/other/x\", 0700) = 0",
        "mkdir(\"x\", 0700) = 0",
        "unlinkat(5</other>, \"x\", 0) = 0",
        "rename(\"/own/a\", \"/other/b\") = 0",
        "symlinkat(\"/own/a\", 5</other>, \"b\") = 0",
        "ftruncate(5</other/x>, 0) = 0",
        "reboot(1) = 0",
        "mkdir(\"/owner\", 0700) = 0",
    ] {
        assert!(!is_within(beyond, &own), "{beyond}");
    }
}
