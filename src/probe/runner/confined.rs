//! Starts a command that the host allows, through a confined form of this very program.
//!
//! The program starts itself again, with a connection as its standard input and a pipe for its output. Over the connection
//! that process is told the command, and reports when it has narrowed itself ([`crate::sandbox`]), before it becomes the
//! command: one of which nobody was told that it is confined was not run. The kernel closes the connection when the command
//! begins, so nothing that the command prints can be taken for a report.
//!
//! The confined form makes a session of its own, without a terminal. Everything that the command starts stays in its process
//! group, which a filter of system calls does not let it leave; so the end of that group is the end of all of it.

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io::{self, Read, Write as _};
use std::net::Shutdown;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions};

use super::{ITSELF, OUTPUT_GRACE, SEARCH_PATH};
use crate::model::display::escape;
use crate::model::{Reason, Unknown};
use crate::probe::deeds;
use crate::sandbox::{self, Confined};

/// The verb under which this program confines itself.
pub const VERB: &str = "confined";
/// The most that is kept of what a command prints: its end.
pub const TAIL_BYTES_MAX: usize = 1 << 20;
/// A command with its confinement, as JSON. The configuration that it comes from is no larger.
const COMMAND_BYTES_MAX: u64 = 4 << 20;
const REPORT_BYTES_MAX: usize = 16 << 10;
/// Stands first in a report when everything is in place.
const IN_PLACE: &[u8] = b"confined\n";
/// What every command finds in its environment, beside what the host's configuration adds.
const ENVIRONMENT: &[(&str, &str)] = &[
    ("PATH", SEARCH_PATH),
    ("LC_ALL", "C.UTF-8"),
    ("HOME", "/nonexistent"),
    ("PYTHONDONTWRITEBYTECODE", "1"),
];

/// A command that ended.
#[derive(Debug)]
pub struct Ended {
    /// How.
    pub status: ExitStatus,
    /// The end of what it printed to both streams, in the order in which it came.
    pub tail: Vec<u8>,
    /// How many bytes came before that.
    pub cut: u64,
}

/// The fixed environment, and the host's additions to it.
#[must_use]
pub fn environment(added: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let fixed = ENVIRONMENT.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    fixed.chain(added.clone()).collect()
}

/// Runs a command in an open folder, and ends whatever is left of it.
///
/// # Errors
/// When it could not be confined, could not be started, or did not end within `deadline`.
pub fn run(confined: &Confined, folder: &OwnedFd, deadline: Duration) -> Result<Ended, Unknown> {
    let failed = |e: io::Error| {
        Unknown::new(Reason::NotConfined, format!("this program cannot start itself: {e}"))
    };
    let (ours, theirs) = UnixStream::pair().map_err(failed)?;
    let (output, prints) = io::pipe().map_err(failed)?;
    let mut child = {
        // The ends that the child holds are closed here with the command that lent them.
        let mut command = command(folder);
        command.stdin(OwnedFd::from(theirs));
        command.stdout(prints.try_clone().map_err(failed)?).stderr(prints);
        let child = command.spawn().map_err(failed)?;
        deeds::started(confined.command.first().map_or("nothing", String::as_str));
        child
    };
    if let Err(error) = tell(&ours, confined) {
        end(&mut child).map_err(failed)?;
        return Err(failed(error));
    }
    let report = Tail::start(ours, REPORT_BYTES_MAX);
    let output = Tail::start(output, TAIL_BYTES_MAX);
    let in_time = wait(&child, deadline);
    let status = end(&mut child).map_err(failed)?;
    let (tail, cut) = output.finish();
    let (report, _) = report.finish();
    match (in_time, report.strip_prefix(IN_PLACE)) {
        (false, _) => Err(Unknown::new(
            Reason::Deadline,
            format!(
                "the command did not end within {} s, and was ended with all that it started",
                deadline.as_secs_f32()
            ),
        )),
        (true, Some([])) => Ok(Ended { status, tail, cut }),
        (true, rest) => Err(refusal(rest.unwrap_or(&report), status)),
    }
}

/// Not by arguments, which every user of the machine can read.
fn tell(mut child: &UnixStream, confined: &Confined) -> io::Result<()> {
    child.set_write_timeout(Some(OUTPUT_GRACE))?;
    child.write_all(&serde_json::to_vec(confined)?)?;
    child.shutdown(Shutdown::Write)
}

#[expect(clippy::disallowed_methods, reason = "the runner is where programs are started")]
fn command(folder: &OwnedFd) -> Command {
    let mut command = Command::new(ITSELF);
    // By its descriptor: what was found beneath the root is where it runs, whatever has taken its name since.
    command.arg(VERB).current_dir(format!("/proc/self/fd/{}", folder.as_raw_fd()));
    command.env_clear();
    command
}

/// What the report says instead of "in place".
fn refusal(report: &[u8], status: ExitStatus) -> Unknown {
    serde_json::from_slice(report).unwrap_or_else(|_| {
        let detail = format!("the process that confines itself ended without a report ({status})");
        Unknown::new(Reason::NotConfined, detail)
    })
}

/// The other side: what the started process does. Answers only when the command did not begin.
///
/// # Errors
/// Always: why it did not begin, or that nobody can be told.
pub fn become_command() -> Result<std::convert::Infallible, Unknown> {
    let failed = |e: io::Error| Unknown::new(Reason::NotConfined, format!("no report: {e}"));
    let report = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3);
    let mut report = File::from(report.map_err(|e| failed(e.into()))?);
    let mut words = Vec::new();
    (&report).take(COMMAND_BYTES_MAX).read_to_end(&mut words).map_err(failed)?;
    let nothing = File::open("/dev/null").map_err(failed)?;
    rustix::stdio::dup2_stdin(&nothing).map_err(|e| failed(e.into()))?;
    let refused = match narrow(&words) {
        Err(refused) => refused,
        Ok(confined) => {
            report.write_all(IN_PLACE).map_err(failed)?;
            not_started(&confined, &replace(&confined))
        }
    };
    let text = serde_json::to_vec(&refused).map_err(|e| failed(e.into()))?;
    report.write_all(&text).map_err(failed)?;
    Err(refused)
}

fn narrow(words: &[u8]) -> Result<Confined, Unknown> {
    let confined: Confined = serde_json::from_slice(words)
        .map_err(|e| Unknown::new(Reason::NotConfined, format!("this is no command: {e}")))?;
    sandbox::confine(&confined)?;
    // Programs go by the name of their folder, so it has to be within reach of the user under its name as well.
    let reached = std::env::current_dir().and_then(|folder| std::fs::metadata(folder.join(".")));
    reached.map(|_| confined).map_err(|e| {
        let detail = format!("the folder of the command is out of reach for its user: {e}");
        Unknown::new(Reason::PermissionDenied, detail)
    })
}

#[expect(clippy::disallowed_methods, reason = "the runner is where programs are started")]
fn replace(confined: &Confined) -> io::Error {
    let Some((program, arguments)) = confined.command.split_first() else {
        return io::ErrorKind::InvalidInput.into();
    };
    Command::new(program).args(arguments).env_clear().envs(&confined.environment).exec()
}

fn not_started(confined: &Confined, error: &io::Error) -> Unknown {
    let program = confined.command.first().map(String::as_str).unwrap_or_default();
    let reason = match error.kind() {
        io::ErrorKind::PermissionDenied => Reason::PermissionDenied,
        _ => Reason::IoError,
    };
    let place = if program.starts_with('/') { String::new() } else { format!(" in {SEARCH_PATH}") };
    Unknown::new(reason, format!("cannot start `{}`{place}: {error}", escape(program)))
}

/// Waits without collecting the child, so that its number stays that of its group. `false` at the deadline.
fn wait(child: &Child, deadline: Duration) -> bool {
    let started = Instant::now();
    let mut pause = Duration::from_millis(1);
    let ended = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    let Some(pid) = pid(child) else { return true };
    while matches!(rustix::process::waitid(WaitId::Pid(pid), ended), Ok(None)) {
        if started.elapsed() >= deadline {
            return false;
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
    true
}

/// Ends the whole group, then collects the child.
fn end(child: &mut Child) -> io::Result<ExitStatus> {
    let group = |pid| rustix::process::kill_process_group(pid, Signal::KILL);
    if let Some(pid) = pid(child)
        && group(pid).is_err()
    {
        // The child makes the group, and had not yet: it goes alone, or with all that it has started since.
        let _ = child.kill();
        let _ = group(pid);
    }
    child.wait()
}

fn pid(child: &Child) -> Option<Pid> {
    i32::try_from(child.id()).ok().and_then(Pid::from_raw)
}

/// Reads a stream on a thread of its own, and keeps its end.
struct Tail {
    kept: Arc<Mutex<(VecDeque<u8>, u64)>>,
    ended: Receiver<()>,
}

impl Tail {
    fn start<R: Read + Send + 'static>(mut stream: R, bytes_max: usize) -> Self {
        let (end, ended) = channel();
        let kept = Arc::new(Mutex::new((VecDeque::new(), 0)));
        let keep = Arc::clone(&kept);
        std::thread::spawn(move || {
            let mut buffer = [0; 8192];
            while let Ok(count @ 1..) = stream.read(&mut buffer) {
                let mut kept = keep.lock().unwrap_or_else(PoisonError::into_inner);
                kept.0.extend(&buffer[..count]);
                let over = kept.0.len().saturating_sub(bytes_max);
                kept.0.drain(..over);
                kept.1 += over as u64;
            }
            // Nobody may be waiting any more.
            let _ = end.send(());
        });
        Self { kept, ended }
    }

    /// What was kept, and how many bytes were not.
    fn finish(self) -> (Vec<u8>, u64) {
        // All who could write were ended; a process that the kernel cannot end yet is not waited for.
        let _ = self.ended.recv_timeout(OUTPUT_GRACE);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        (std::mem::take(&mut kept.0).into(), kept.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_stream_is_kept() {
        let text: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
        let (tail, cut) = Tail::start(io::Cursor::new(text.clone()), 1000).finish();
        assert_eq!(cut, text.len() as u64 - 1000);
        assert_eq!(tail, text[text.len() - 1000..]);
        assert_eq!(Tail::start(io::Cursor::new(b"all"), 1000).finish(), (b"all".to_vec(), 0));
    }

    #[test]
    fn the_host_adds_to_the_environment_and_nothing_is_inherited() {
        let added = [("A", "1"), ("LC_ALL", "C")].map(|(k, v)| (k.to_owned(), v.to_owned()));
        let names = environment(&BTreeMap::from(added));
        let names: Vec<String> = names.iter().map(|(k, v)| format!("{k}={v}")).collect();
        let path = format!("PATH={SEARCH_PATH}");
        assert_eq!(
            names,
            ["A=1", "HOME=/nonexistent", "LC_ALL=C", &path, "PYTHONDONTWRITEBYTECODE=1"]
        );
    }

    #[test]
    fn a_report_that_is_none_is_a_refusal() {
        let status = ExitStatus::default();
        for text in [&b""[..], b"{}", b"\xff", b"confined"] {
            assert_eq!(refusal(text, status).reason, Reason::NotConfined);
        }
        let why = Unknown::new(Reason::PermissionDenied, "x");
        let text = serde_json::to_vec(&why).expect("JSON");
        assert_eq!(refusal(&text, status), why);
    }
}
