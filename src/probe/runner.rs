//! The scrubbed runner: where a program is started in order to look.
//!
//! No shell, a fixed argument list, an environment that is built and not inherited, no standard input, a process group
//! of its own, a deadline, and bounded output. [`PROGRAMS`] are all that it starts by name; what the host allows `smoke` to
//! run is started by the confined form of this very program, see [`confined`]; and what it names to bring notifications is
//! started by [`feed`].

pub mod confined;
mod fed;

pub use fed::feed;

use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::deeds;
use crate::model::{Reason, Unknown};

/// Every program that is started to look, here and nowhere else.
pub const PROGRAMS: &[&str] = &["git", "getent", "systemctl", "rpm", ITSELF];
/// This very program, whatever has become of its file.
const ITSELF: &str = "/proc/self/exe";

/// The most that is kept of each output stream.
pub(in crate::probe) const OUTPUT_BYTES_MAX: usize = 1 << 20;
/// How long output is waited for after the program itself has ended.
const OUTPUT_GRACE: Duration = Duration::from_secs(2);
/// The number of `nobody` and of its group, by the kernel's own default for numbers without an owner.
const NOBODY: u32 = 65_534;
/// What a program inherits: where its user's keys, agent and proxies are, and nothing else.
const INHERITED: &[&str] = &[
    "HOME",
    "SSH_AUTH_SOCK",
    "http_proxy",
    "https_proxy",
    "HTTPS_PROXY",
    "no_proxy",
    "NO_PROXY",
    "all_proxy",
    "ALL_PROXY",
];
/// Where programs are looked for, whatever this one was told.
pub const SEARCH_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// One program to run.
#[derive(Debug)]
pub struct Run<'a> {
    /// Its name, looked up in the system's own folders.
    pub program: &'a str,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Its environment beyond what is inherited.
    pub environment: Vec<(&'a str, OsString)>,
    /// Where it runs.
    pub folder: &'a Path,
    /// When it is ended.
    pub deadline: Duration,
}

/// What a program that ended left behind.
#[derive(Debug)]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// What it printed.
    pub stdout: Vec<u8>,
    /// What it complained about.
    pub stderr: Vec<u8>,
    /// Is `stdout` all that it printed? Not when that was more than is kept.
    pub complete: bool,
}

/// Why a program gave no result.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// It could not be started.
    #[error("cannot start `{program}`")]
    Start {
        /// Its name.
        program: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It did not end in time, and was ended.
    #[error("`{program}` did not end within {} s", deadline.as_secs())]
    Deadline {
        /// Its name.
        program: String,
        /// How long it had.
        deadline: Duration,
    },
}

impl RunError {
    /// The same as a reason for not knowing.
    #[must_use]
    pub fn unknown(&self) -> Unknown {
        match self {
            Self::Start { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
                Unknown::new(Reason::NotSupported, format!("{self}: it is not installed"))
            }
            Self::Start { source, .. } => {
                Unknown::new(Reason::IoError, format!("{self}: {source}"))
            }
            Self::Deadline { .. } => Unknown::new(Reason::Deadline, self.to_string()),
        }
    }
}

impl Run<'_> {
    /// Runs the program to its end.
    ///
    /// # Errors
    /// When it cannot be started, or does not end in time. How it ended is for the caller to judge.
    pub fn output(&self) -> Result<Output, RunError> {
        self.output_up_to(OUTPUT_BYTES_MAX)
    }

    /// The same with another bound on what is kept of its output.
    ///
    /// # Errors
    /// As for [`Run::output`].
    pub fn output_up_to(&self, bytes_max: usize) -> Result<Output, RunError> {
        self.run(self.command(), bytes_max)
    }

    /// The same without the rights of root, for a program that could write what it reads: as `nobody` where root runs this.
    ///
    /// # Errors
    /// As for [`Run::output`].
    pub fn output_as_nobody(&self, bytes_max: usize) -> Result<Output, RunError> {
        let mut command = self.command();
        if rustix::process::geteuid().is_root() {
            // Supplementary groups go with root's number.
            command.uid(NOBODY).gid(NOBODY);
        }
        self.run(command, bytes_max)
    }

    fn run(&self, mut command: Command, bytes_max: usize) -> Result<Output, RunError> {
        // The tests of this file run what is everywhere.
        if !PROGRAMS.contains(&self.program) && !cfg!(test) {
            let why = "it is none of the programs that are started to look";
            let source = std::io::Error::new(std::io::ErrorKind::PermissionDenied, why);
            return Err(RunError::Start { program: self.program.to_owned(), source });
        }
        let start = |source| RunError::Start { program: self.program.to_owned(), source };
        let child = command.spawn().map_err(start)?;
        deeds::started(self.program);
        attend_up_to(self.program, child, self.deadline, bytes_max)
    }

    #[expect(clippy::disallowed_methods, reason = "the runner is where programs are started")]
    fn command(&self) -> Command {
        let mut command = Command::new(self.program);
        command.args(&self.arguments).current_dir(self.folder).env_clear();
        command.env("PATH", SEARCH_PATH).env("LC_ALL", "C");
        for name in INHERITED {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command.envs(self.environment.iter().map(|(name, value)| (OsStr::new(*name), value)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        command
    }
}

/// Waits for a program that was started in another room, as the first of a process group of its own, and collects what it
/// prints.
///
/// # Errors
/// When it does not end in time; it is ended then, with its group.
pub fn attend(program: &str, child: Child, deadline: Duration) -> Result<Output, RunError> {
    attend_up_to(program, child, deadline, OUTPUT_BYTES_MAX)
}

fn attend_up_to(
    program: &str,
    mut child: Child,
    deadline: Duration,
    bytes_max: usize,
) -> Result<Output, RunError> {
    let stdout = Drain::start(child.stdout.take(), bytes_max);
    let stderr = Drain::start(child.stderr.take(), OUTPUT_BYTES_MAX);
    let status = wait(&mut child, deadline)
        .map_err(|source| RunError::Start { program: program.to_owned(), source })?;
    let Some(status) = status else {
        end(&mut child);
        return Err(RunError::Deadline { program: program.to_owned(), deadline });
    };
    let ((stdout, complete), (stderr, _)) = (stdout.finish(), stderr.finish());
    Ok(Output { status, stdout, stderr, complete })
}

/// Reads an output stream on a thread of its own, so that a program never waits for us.
struct Drain {
    kept: Arc<Mutex<Vec<u8>>>,
    /// Whether all of it was kept, once the stream has ended.
    ended: Receiver<bool>,
}

impl Drain {
    fn start<R: Read + Send + 'static>(stream: Option<R>, bytes_max: usize) -> Self {
        let (end, ended) = channel();
        let kept = Arc::new(Mutex::new(Vec::new()));
        let keep = Arc::clone(&kept);
        std::thread::spawn(move || {
            let mut buffer = [0; 8192];
            let mut stream = stream;
            let mut complete = true;
            while let Some(Ok(count @ 1..)) = stream.as_mut().map(|s| s.read(&mut buffer)) {
                let mut kept = keep.lock().unwrap_or_else(PoisonError::into_inner);
                let room = bytes_max.saturating_sub(kept.len());
                complete &= count <= room;
                kept.extend_from_slice(&buffer[..count.min(room)]);
            }
            // Nobody may be waiting any more.
            let _ = end.send(complete);
        });
        Self { kept, ended }
    }

    /// What was read, once the stream has ended, and whether that is all. A process that stays behind and holds the stream open, as a shared ssh
    /// connection does, is not waited for.
    fn finish(self) -> (Vec<u8>, bool) {
        // Whether it ended or not, what was read until now is the output.
        let complete = self.ended.recv_timeout(OUTPUT_GRACE).unwrap_or(false);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        (std::mem::take(&mut *kept), complete)
    }
}

fn wait(child: &mut Child, deadline: Duration) -> std::io::Result<Option<ExitStatus>> {
    let started = Instant::now();
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if started.elapsed() >= deadline {
            return Ok(None);
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}

/// Ends the whole process group, and collects the child.
fn end(child: &mut Child) {
    let pid = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw);
    if let Some(pid) = pid {
        let _ = rustix::process::kill_process_group(pid, rustix::process::Signal::KILL);
    }
    let _ = child.kill();
    let _ = child.wait();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(program: &str, arguments: &[&str], deadline: Duration) -> Result<Output, RunError> {
        let arguments = arguments.iter().map(OsString::from).collect();
        Run { program, arguments, environment: Vec::new(), folder: Path::new("/"), deadline }
            .output()
    }

    #[test]
    fn the_environment_is_built_and_not_inherited() {
        let output = run("env", &[], Duration::from_secs(20)).expect("env is everywhere");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let names: Vec<&str> =
            text.lines().filter_map(|l| l.split_once('=')).map(|(name, _)| name).collect();
        assert!(names.contains(&"PATH"), "{text}");
        assert!(
            names.iter().all(|n| ["PATH", "LC_ALL"].contains(n) || INHERITED.contains(n)),
            "{text}"
        );
    }

    #[test]
    fn a_program_without_rights_has_none_of_roots() {
        let arguments = vec!["/proc/self/status".into()];
        let (folder, deadline) = (Path::new("/"), Duration::from_secs(20));
        let run = Run { program: "cat", arguments, environment: Vec::new(), folder, deadline };
        let output = run.output_as_nobody(1 << 16).expect("cat is everywhere");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let field = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)).expect("a field");
            line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
        };
        assert!(field("Uid:").iter().all(|uid| uid != "0"), "{text}");
        if rustix::process::geteuid().is_root() {
            assert_eq!((field("Groups:").len(), field("CapEff:")), (0, vec!["0".repeat(16)]));
        }
    }

    #[test]
    fn what_hangs_is_ended_with_its_children() {
        let error = run("sleep", &["600"], Duration::from_millis(20)).expect_err("it hangs");
        assert!(matches!(error, RunError::Deadline { .. }), "{error}");
        assert!(matches!(
            run("no-such-program", &[], Duration::from_secs(1)),
            Err(RunError::Start { .. })
        ));
    }

    #[test]
    fn who_stays_behind_with_the_stream_is_not_waited_for() {
        let output =
            run("sh", &["-c", "sleep 600 & echo $!"], Duration::from_secs(20)).expect("ends");
        let pid = String::from_utf8_lossy(&output.stdout).trim().parse().ok();
        let pid = pid.and_then(rustix::process::Pid::from_raw).expect("the one that stays");
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("it stayed");
    }

    #[test]
    fn output_is_bounded() {
        let output =
            run("head", &["-c", "3000000", "/dev/zero"], Duration::from_secs(20)).expect("ends");
        assert_eq!((output.stdout.len(), output.complete), (OUTPUT_BYTES_MAX, false));
        let output = run("head", &["-c", "9", "/dev/zero"], Duration::from_secs(20)).expect("ends");
        assert_eq!((output.stdout.len(), output.complete), (9, true));
    }
}
