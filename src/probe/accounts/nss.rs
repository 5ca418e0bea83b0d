//! The name service of the running system, asked through `getent`: for accounts that stand in no file.
//!
//! It answers for the machine that this program runs on, so it is asked about no other root. An answer without somebody
//! does not prove that there is nobody: a directory that is down looks the same.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use super::{Account, Group, Host, List, groups, users};
use crate::model::display::one_line;
use crate::model::{Reason, Unknown};
use crate::probe::runner::Run;

/// The most that one call may print.
const OUTPUT_BYTES_MAX: usize = 4 << 20;
/// How many names one call asks for.
const NAMES_MAX: usize = 200;
/// `getent` could not find one of the names.
const NOT_FOUND: i32 = 2;

/// Why a name that the name service does not know is unknown and not absent.
#[must_use]
pub fn nss_knows_none(name: &str) -> Unknown {
    let name = one_line(name, 60);
    let detail = format!(
        "the name service does not know `{name}`, or the directory that does is out of reach"
    );
    Unknown::new(Reason::Undecidable, detail)
}

/// The right to ask the name service about this host.
#[derive(Debug, Clone, Copy)]
pub struct NameService {
    deadline: Duration,
}

impl NameService {
    /// For the running system only, and where the host's configuration opens anything at all.
    ///
    /// # Errors
    /// Unknown, under another root or without a configuration.
    pub fn of(host: &Host, deadline: Duration) -> Result<Self, Unknown> {
        if !host.facts().live() {
            let detail =
                "the name service answers for the running system, and this is another root";
            return Err(Unknown::new(Reason::NotSupported, detail));
        }
        // What may not be read must not be asked for in another way either.
        host.facts().stat("/etc/nsswitch.conf")?;
        Ok(Self { deadline })
    }

    /// Those of these accounts that it knows.
    ///
    /// # Errors
    /// Unknown, when it gives no answer.
    pub fn users(self, names: &[String]) -> Result<List<Account>, Unknown> {
        Ok(users(&self.ask("passwd", names)?, "getent passwd"))
    }

    /// Those of these groups that it knows, by name or by number.
    ///
    /// # Errors
    /// Unknown, when it gives no answer.
    pub fn groups(self, names: &[String]) -> Result<List<Group>, Unknown> {
        Ok(groups(&self.ask("group", names)?, "getent group"))
    }

    /// The numbers of the supplementary groups of an account.
    ///
    /// # Errors
    /// Unknown, when it gives no answer, or one that cannot be read.
    pub fn groups_of(self, name: &str) -> Result<Vec<u32>, Unknown> {
        let answer = self.ask("initgroups", &[name.to_owned()])?;
        let text = String::from_utf8_lossy(&answer);
        let numbers = text.strip_prefix(name).map(|rest| {
            rest.split_whitespace().map(str::parse).collect::<Result<Vec<u32>, _>>().ok()
        });
        numbers.flatten().ok_or_else(|| {
            let detail = format!("`getent initgroups` answered `{}`", one_line(&text, 80));
            Unknown::new(Reason::Malformed, detail)
        })
    }

    fn ask(self, database: &str, names: &[String]) -> Result<Vec<u8>, Unknown> {
        let mut answers = Vec::new();
        for names in names.chunks(NAMES_MAX) {
            let mut arguments: Vec<OsString> = vec!["--".into(), database.into()];
            arguments.extend(names.iter().map(OsString::from));
            let run = Run {
                program: "getent",
                arguments,
                environment: Vec::new(),
                folder: Path::new("/"),
                deadline: self.deadline,
            };
            let output = run.output_as_nobody(OUTPUT_BYTES_MAX).map_err(|error| error.unknown())?;
            if !matches!(output.status.code(), Some(0 | NOT_FOUND)) {
                let said = String::from_utf8_lossy(&output.stderr);
                let detail =
                    format!("`getent {database}`: {}: {}", output.status, one_line(&said, 200));
                return Err(Unknown::new(Reason::IoError, detail));
            }
            if !output.complete {
                let detail =
                    format!("`getent {database}` printed more than {OUTPUT_BYTES_MAX} bytes");
                return Err(Unknown::new(Reason::TooLarge, detail));
            }
            answers.extend(output.stdout);
        }
        Ok(answers)
    }
}
