//! The log of the controller: lines for people, JSON for programs, or fields of systemd's journal. Each entry carries the run.
//!
//! One entry is one write, so that entries of several threads do not mix. What the world said is escaped.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::config::LogForm;
use crate::model::display::escape;
use crate::model::{Clock, Timestamp};

/// Where the journal takes entries.
const JOURNAL: &str = "/run/systemd/journal/socket";
/// The longest value that is written, in characters: a log is no place for more.
const VALUE_MAX: usize = 4000;

/// How much an entry matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Somebody has to act.
    Error,
    /// Something is not as it should be, and goes on.
    Warning,
    /// What happens.
    Info,
}

impl Level {
    const fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }

    /// As syslog numbers it.
    const fn priority(self) -> u8 {
        match self {
            Self::Error => 3,
            Self::Warning => 4,
            Self::Info => 6,
        }
    }
}

/// Where entries go.
enum To {
    Stderr(LogForm),
    Journal(UnixDatagram),
    #[cfg(test)]
    Memory(LogForm, std::sync::Mutex<Vec<u8>>),
}

/// A log. Shared between threads.
pub struct Log {
    to: To,
    clock: Arc<dyn Clock>,
    run: String,
}

impl std::fmt::Debug for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Log({})", self.run)
    }
}

impl Log {
    /// A log of this form. `run` is what tells this run from others.
    ///
    /// # Errors
    /// When the journal is asked for and there is none.
    pub fn open(form: LogForm, run: &str, clock: Arc<dyn Clock>) -> io::Result<Self> {
        Self::at(form, Path::new(JOURNAL), run, clock)
    }

    fn at(form: LogForm, journal: &Path, run: &str, clock: Arc<dyn Clock>) -> io::Result<Self> {
        let to = match form {
            LogForm::Journald => {
                let socket = UnixDatagram::unbound()?;
                socket.connect(journal)?;
                To::Journal(socket)
            }
            form => To::Stderr(form),
        };
        Ok(Self { to, clock, run: run.to_owned() })
    }

    /// Writes what happens.
    pub fn info(&self, message: &str, fields: &[(&str, &str)]) {
        self.say(Level::Info, message, fields);
    }

    /// Writes what is not as it should be.
    pub fn warn(&self, message: &str, fields: &[(&str, &str)]) {
        self.say(Level::Warning, message, fields);
    }

    /// Writes one entry. Names of fields are lower case words.
    pub fn say(&self, level: Level, message: &str, fields: &[(&str, &str)]) {
        let now = self.clock.now_milliseconds();
        let line = |form| match form {
            LogForm::Json => json(now, level, message, &self.run, fields),
            _ => text(now, level, message, &self.run, fields),
        };
        // Nobody is left to tell when the log itself is gone.
        let _ = match &self.to {
            To::Stderr(form) => io::stderr().lock().write_all(line(*form).as_bytes()),
            To::Journal(socket) => {
                socket.send(&journal(level, message, &self.run, fields)).map(drop)
            }
            #[cfg(test)]
            To::Memory(form, bytes) => {
                bytes
                    .lock()
                    .unwrap_or_else(std::sync::PoisonError::into_inner)
                    .extend(line(*form).as_bytes());
                Ok(())
            }
        };
    }
}

fn cut(value: &str) -> String {
    value.chars().take(VALUE_MAX).collect()
}

fn text(now: Timestamp, level: Level, message: &str, run: &str, fields: &[(&str, &str)]) -> String {
    let now = now.with_milliseconds();
    let mut line = format!("{now} {:<7} {}", level.word(), escape(&cut(message)));
    for (name, value) in fields.iter().chain(&[("run_id", run)]) {
        let value = cut(value);
        let value = escape(&value);
        let plain = !value.is_empty() && !value.contains([' ', '"', '=']);
        if plain {
            let _ = write!(line, " {name}={value}");
        } else {
            let _ = write!(line, " {name}={value:?}");
        }
    }
    line.push('\n');
    line
}

fn json(now: Timestamp, level: Level, message: &str, run: &str, fields: &[(&str, &str)]) -> String {
    let mut entry = Map::new();
    entry.insert("ts".to_owned(), now.with_milliseconds().into());
    entry.insert("level".to_owned(), level.word().into());
    entry.insert("msg".to_owned(), escape(&cut(message)).into_owned().into());
    entry.insert("run_id".to_owned(), run.into());
    for (name, value) in fields {
        // What every entry has is nobody's to say otherwise.
        entry.entry((*name).to_owned()).or_insert_with(|| escape(&cut(value)).into_owned().into());
    }
    format!("{}\n", Value::Object(entry))
}

fn journal(level: Level, message: &str, run: &str, fields: &[(&str, &str)]) -> Vec<u8> {
    let mut entry = Vec::new();
    let mut field = |name: &str, value: &str| {
        // Escaped, a value has no line end, so the short form is enough.
        entry.extend(format!("{name}={}\n", escape(&cut(value))).into_bytes());
    };
    field("MESSAGE", message);
    field("PRIORITY", &level.priority().to_string());
    field("SYSLOG_IDENTIFIER", "countersign");
    field("COUNTERSIGN_RUN_ID", run);
    for (name, value) in fields {
        field(&format!("COUNTERSIGN_{}", name.to_ascii_uppercase()), value);
    }
    entry
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Still;

    impl Clock for Still {
        fn now(&self) -> Timestamp {
            "2026-05-21T06:28:50Z".parse().expect("an instant")
        }
    }

    const FIELDS: &[(&str, &str)] =
        &[("target", "host"), ("error", "two words\n\u{1b}[2J"), ("ts", "x")];

    fn written(form: LogForm) -> String {
        let to = To::Memory(form, std::sync::Mutex::default());
        let log = Log { to, clock: Arc::new(Still), run: "r1".to_owned() };
        log.warn("a look failed", FIELDS);
        let To::Memory(_, bytes) = log.to else { panic!("memory") };
        String::from_utf8(bytes.into_inner().expect("whole")).expect("UTF-8")
    }

    #[test]
    fn an_entry_is_one_line_whatever_the_world_said() {
        let text = written(LogForm::Text);
        let begins = "2026-05-21T06:28:50.000Z warning a look failed target=host error=\"two words";
        assert!(text.starts_with(begins) && text.ends_with("run_id=r1\n"), "{text}");
        for line in [text, written(LogForm::Json)] {
            assert_eq!(line.matches('\n').count(), 1, "{line}");
            assert!(!line.contains('\u{1b}'), "{line}");
        }
    }

    #[test]
    fn json_has_its_own_fields_whoever_says_otherwise() {
        let entry: Value = serde_json::from_str(&written(LogForm::Json)).expect("JSON");
        assert_eq!(entry["ts"], "2026-05-21T06:28:50.000Z");
        assert_eq!((&entry["level"], &entry["run_id"]), (&"warning".into(), &"r1".into()));
        assert_eq!(entry["target"], "host");
    }

    #[test]
    fn the_journal_gets_fields() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("journal");
        assert!(Log::at(LogForm::Journald, &path, "r1", Arc::new(Still)).is_err(), "there is none");
        let listener = UnixDatagram::bind(&path).expect("a socket");
        let log = Log::at(LogForm::Journald, &path, "r1", Arc::new(Still)).expect("a journal");
        log.warn("a look failed", FIELDS);
        let mut bytes = [0; 4096];
        let length = listener.recv(&mut bytes).expect("an entry");
        let entry = String::from_utf8(bytes[..length].to_vec()).expect("UTF-8");
        let lines: Vec<&str> = entry.lines().collect();
        assert_eq!(&lines[..2], ["MESSAGE=a look failed", "PRIORITY=4"]);
        assert!(
            lines.contains(&"COUNTERSIGN_RUN_ID=r1") && lines.contains(&"COUNTERSIGN_TARGET=host")
        );
        assert_eq!(lines.len(), 7, "{entry}");
    }
}
