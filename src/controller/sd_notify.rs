//! What systemd is told: ready, reloading, stopping, a status, and that the loop is alive.
//!
//! Nothing is said where nobody asked: without `NOTIFY_SOCKET` every call does nothing.

use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use crate::model::display::one_line;

/// The longest status, in characters.
const STATUS_MAX: usize = 200;

/// For how long a word that systemd waits for may wait for room. The kernel keeps as few as ten that were not read yet
/// (`net.unix.max_dgram_qlen`).
const PATIENCE: Duration = Duration::from_secs(1);

/// The line to systemd.
#[derive(Debug)]
pub struct SdNotify {
    line: Option<Line>,
    watchdog: Option<Duration>,
}

#[derive(Debug)]
struct Line {
    to: SocketAddr,
    /// For words that systemd waits for: room is waited for as well, for [`PATIENCE`].
    waiting: UnixDatagram,
    /// For words of which the next says more: one that finds no room is left out.
    hasty: UnixDatagram,
}

impl SdNotify {
    /// What the environment says: `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID`.
    ///
    /// # Errors
    /// When the socket that was named cannot be one. A service that systemd waits for must not run on without.
    pub fn new(
        socket: Option<&OsStr>,
        watchdog_microseconds: Option<&OsStr>,
        watchdog_pid: Option<&OsStr>,
    ) -> io::Result<Self> {
        let Some(socket) = socket.filter(|socket| !socket.is_empty()) else {
            return Ok(Self { line: None, watchdog: None });
        };
        let to = match socket.as_bytes() {
            [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
            [b'/', ..] => SocketAddr::from_pathname(socket)?,
            _ => return Err(io::Error::new(io::ErrorKind::Unsupported, "no unix socket")),
        };
        let number = |text: Option<&OsStr>| text?.to_str()?.parse::<u64>().ok();
        let ours = number(watchdog_pid).is_none_or(|pid| pid == u64::from(std::process::id()));
        let watchdog = number(watchdog_microseconds).filter(|_| ours).map(Duration::from_micros);
        let (waiting, hasty) = (UnixDatagram::unbound()?, UnixDatagram::unbound()?);
        // A manager that does not read must not hold up the loop for longer.
        waiting.set_write_timeout(Some(PATIENCE))?;
        hasty.set_nonblocking(true)?;
        Ok(Self { line: Some(Line { to, waiting, hasty }), watchdog })
    }

    /// How often the loop has to say that it is alive: at half the time after which it would be taken for dead.
    #[must_use]
    pub fn alive_every(&self) -> Option<Duration> {
        self.watchdog.map(|watchdog| watchdog / 2)
    }

    /// It does its work now, or does it again after a reload.
    pub fn ready(&self) {
        self.say("READY=1");
    }

    /// It reads its configuration again. [`SdNotify::ready`] ends that.
    pub fn reloading(&self) {
        // Without this instant a `systemctl reload` waits for ever.
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        let microseconds = i128::from(now.tv_sec) * 1_000_000 + i128::from(now.tv_nsec) / 1000;
        self.say(&format!("RELOADING=1\nMONOTONIC_USEC={microseconds}"));
    }

    /// It ends.
    pub fn stopping(&self) {
        self.say("STOPPING=1");
    }

    /// What `systemctl status` shows.
    pub fn status(&self, text: &str) {
        if let Some(line) = &self.line {
            let words = format!("STATUS={}", one_line(text, STATUS_MAX));
            let _ = line.hasty.send_to_addr(words.as_bytes(), &line.to);
        }
    }

    /// The loop is alive. Only the loop itself may say so.
    pub fn alive(&self) {
        self.say("WATCHDOG=1");
    }

    fn say(&self, words: &str) {
        if let Some(line) = &self.line {
            // There is nobody else to tell; systemd itself notices what it does not hear.
            let _ = line.waiting.send_to_addr(words.as_bytes(), &line.to);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(listener: &UnixDatagram) -> String {
        let mut bytes = [0; 4096];
        let length = listener.recv(&mut bytes).expect("something was said");
        String::from_utf8(bytes[..length].to_vec()).expect("UTF-8")
    }

    #[test]
    fn what_is_said_is_heard() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("notify");
        let listener = UnixDatagram::bind(&path).expect("a socket");
        let pid = std::process::id().to_string();
        let usec = OsStr::new("60000000");
        let line = SdNotify::new(Some(path.as_os_str()), Some(usec), Some(OsStr::new(&pid)));
        let line = line.expect("a line");
        assert_eq!(line.alive_every(), Some(Duration::from_secs(30)));
        line.ready();
        assert_eq!(heard(&listener), "READY=1");
        line.reloading();
        let said = heard(&listener);
        let at = said.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").expect("with an instant");
        assert!(at.parse::<u64>().is_ok_and(|at| at > 0), "{said}");
        line.status("a\nREADY=1");
        assert!(!heard(&listener).contains('\n'), "one assignment a status");
        line.alive();
        assert_eq!(heard(&listener), "WATCHDOG=1");
        line.stopping();
        assert_eq!(heard(&listener), "STOPPING=1");
        let other = SdNotify::new(Some(path.as_os_str()), Some(usec), Some(OsStr::new("1")));
        assert_eq!(other.expect("a line").alive_every(), None, "another process is watched");
    }

    #[test]
    fn words_that_are_waited_for_get_through_a_full_queue() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("notify");
        let listener = UnixDatagram::bind(&path).expect("a socket");
        listener.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
        let line = SdNotify::new(Some(path.as_os_str()), None, None).expect("a line");
        // More than any limit of the queue that systems set; each returns at once.
        for _ in 0..10_000 {
            line.status("three of four targets are in sync");
        }
        std::thread::scope(|scope| {
            scope.spawn(|| line.reloading());
            // It is said while there is no room.
            std::thread::sleep(Duration::from_millis(50));
            let mut said = heard(&listener);
            while said.starts_with("STATUS=") {
                said = heard(&listener);
            }
            assert!(said.starts_with("RELOADING=1\n"), "{said}");
        });
        line.ready();
        assert_eq!(heard(&listener), "READY=1");
    }

    #[test]
    fn an_abstract_socket_is_heard_and_none_is_silence() {
        let name = format!("countersign-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).expect("a name");
        let listener = UnixDatagram::bind_addr(&address).expect("a socket");
        let line = SdNotify::new(Some(OsStr::new(&format!("@{name}"))), None, None);
        line.expect("a line").ready();
        assert_eq!(heard(&listener), "READY=1");
        let silent = SdNotify::new(None, Some(OsStr::new("1")), None).expect("no line");
        silent.ready();
        assert_eq!(silent.alive_every(), None);
        assert!(SdNotify::new(Some(OsStr::new("vsock:2:1")), None, None).is_err());
    }
}
