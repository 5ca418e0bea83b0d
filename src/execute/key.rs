//! A public key comes into a home of GnuPG: `gpg --import` is started as whoever owns the home, and the keyring is read
//! before and after by this program's own reader.
//!
//! gpg is told to read no options of the home, to start no agent and to ask nobody on the network. It can write below the
//! home and nowhere else, like the thread that starts it.

use std::fs::File;
use std::io::{Seek as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::fs::{MemfdFlags, memfd_create};

use super::confine::beneath;
use super::{Failed, Means};
use crate::action::{Action, Condition, Depth, PathState};
use crate::approval::StepPermit;
use crate::ledger::{Outcome, failpoint};
use crate::model::display::one_line;
use crate::plan::Step;
use crate::probe::cancel::Cancel;
use crate::probe::host::{Host, Links};
use crate::probe::openpgp;
use crate::probe::runner;

const PROGRAM: &str = "gpg";
/// What it is told besides the home and the import: nothing that is not on this line decides what it does.
const OPTIONS: &[&str] = &[
    "--batch",
    "--no-tty",
    "--no-options",
    "--no-autostart",
    "--disable-dirmngr",
    "--no-auto-key-retrieve",
    "--no-auto-check-trustdb",
    "--trust-model=always",
];
const DEADLINE: Duration = Duration::from_mins(1);
/// Group and others may not write.
const WRITABLE: u32 = 0o022;
/// How much of what it complains about is kept.
const ERROR_WIDTH_MAX: usize = 200;

/// A home that does not hold the key yet, as it was signed.
pub(super) struct Ready<'a> {
    host: &'a Host,
    home: String,
    /// The home as this machine names it, with the root of the host before it.
    folder: PathBuf,
    fingerprint: String,
    key: Vec<u8>,
    /// User and group as which it runs; `None` for those of this program.
    owner: Option<(u32, u32)>,
}

/// Looks at the home and its keyring.
pub(super) fn ready<'a>(step: &Step, means: &Means<'a>) -> Result<Ready<'a>, Failed> {
    let Action::ImportKey { home, fingerprint, key } = &step.action else {
        return Err(Failed::new("it is no import of a key"));
    };
    let before = about(step, &step.before)?;
    let key = key.inline().ok_or_else(|| Failed::new("the key is not in the plan"))?;
    let public = openpgp::public_key(&key).map_err(|why| Failed(format!("the plan {why}")))?;
    if public.fingerprint != *fingerprint {
        return Err(Failed::new("the plan holds another key than it names"));
    }
    let owner = owner(home, means)?;
    let host: &'a Host = means.host;
    let is = present(host, home, fingerprint)?;
    if is != before {
        let (is, before) = (word(is), word(before));
        return Err(Failed(format!("the key is {is}, where {before} is expected")));
    }
    let folder = beneath(&means.config.root.value, Path::new(home));
    Ok(Ready { host, home: home.clone(), folder, fingerprint: fingerprint.clone(), key, owner })
}

/// What an open intent came to.
pub(super) fn came_to(step: &Step, host: &Host) -> Result<(Outcome, String), Failed> {
    let Action::ImportKey { home, fingerprint, .. } = &step.action else {
        return Err(Failed::new("it is no import of a key"));
    };
    let is = present(host, home, fingerprint)?;
    let same = is == about(step, &step.after)?;
    Ok((if same { Outcome::Recovered } else { Outcome::NotApplied }, word(is).to_owned()))
}

/// Whether the key is there, as a condition says, which has to be about the key of the action.
fn about(step: &Step, condition: &Condition) -> Result<bool, Failed> {
    match (&step.action, condition) {
        (
            Action::ImportKey { home, fingerprint, .. },
            Condition::Key { home: other, fingerprint: key, present },
        ) if home == other && fingerprint == key => Ok(*present),
        _ => Err(Failed::new("its conditions are not about its key")),
    }
}

/// As whom gpg runs: the owner of the home, to whom everything in it belongs. Nobody else may be able to put another folder
/// in its place.
fn owner(home: &str, means: &Means<'_>) -> Result<Option<(u32, u32)>, Failed> {
    let path = Path::new(home);
    let state = means.host.state(path, Depth::Attributes, &Cancel::default())?;
    let PathState::Directory { uid, gid, mode, .. } = &state else {
        return Err(Failed(format!("the home of GnuPG is {state}")));
    };
    let (Some(uid), Some(gid)) = (uid.as_u32(), gid.as_u32()) else {
        return Err(Failed::new("its owner is no number of a user"));
    };
    if mode.bits() & WRITABLE != 0 {
        return Err(Failed(format!("others can write into the home of GnuPG ({mode})")));
    }
    let owners = [means.owners, &[uid]].concat();
    if means.host.hold_owned(path, &owners)?.is_none() {
        return Err(Failed::new("the home of GnuPG does not exist"));
    }
    let me = rustix::process::geteuid();
    match uid {
        uid if uid == me.as_raw() => Ok(None),
        uid if me.is_root() => Ok(Some((uid, gid))),
        uid => Err(Failed(format!(
            "the home of GnuPG belongs to user {uid}, and only root can act as that"
        ))),
    }
}

fn present(host: &Host, home: &str, fingerprint: &str) -> Result<bool, Failed> {
    let ring = openpgp::read(host, Path::new(home), Links::Refuse)?;
    Ok(ring.keys.iter().any(|key| key.fingerprint == fingerprint))
}

const fn word(present: bool) -> &'static str {
    if present { "present" } else { "absent" }
}

impl Ready<'_> {
    /// Imports the key, and looks at what came of it.
    pub(super) fn run(&self, _: &StepPermit<'_>) -> (Outcome, String, Option<Condition>) {
        let why = self.import().err().map(|Failed(why)| why);
        failpoint::boundary();
        let (outcome, detail) = match (why, present(self.host, &self.home, &self.fingerprint)) {
            (None, Ok(true)) => (Outcome::Applied, word(true).to_owned()),
            (None, Ok(false)) => {
                (Outcome::Failed, "gpg took the key, and it is not there".to_owned())
            }
            (Some(why), Ok(false)) => (Outcome::Failed, format!("{why}; the key is not there")),
            (Some(why), Ok(true)) => (Outcome::Diverged, format!("{why}; the key is there")),
            (why, Err(Failed(unknown))) => {
                let why = why.map_or_else(String::new, |why| format!("{why}; "));
                let detail = format!("{why}what the keyring holds cannot be told: {unknown}");
                (Outcome::Diverged, detail)
            }
        };
        (outcome, detail, None)
    }

    fn import(&self) -> Result<(), Failed> {
        let mut command = Command::new(PROGRAM);
        command.args(OPTIONS).arg("--homedir").arg(&self.folder).arg("--import");
        command.env_clear().env("PATH", runner::SEARCH_PATH).env("LC_ALL", "C");
        command.env("HOME", &self.folder).current_dir("/").process_group(0);
        command.stdin(self.input()?).stdout(Stdio::piped()).stderr(Stdio::piped());
        if let Some((uid, gid)) = self.owner {
            // Supplementary groups go with root's number.
            command.uid(uid).gid(gid);
        }
        let child = command
            .spawn()
            .map_err(|error| Failed(format!("`{PROGRAM}` cannot be started: {error}")))?;
        let output = runner::attend(PROGRAM, child, DEADLINE)
            .map_err(|error| Failed(error.unknown().detail))?;
        if output.status.success() {
            return Ok(());
        }
        let complaint = String::from_utf8_lossy(&output.stderr);
        let complaint = one_line(complaint.trim(), ERROR_WIDTH_MAX);
        Err(Failed(format!("`{PROGRAM}` ended with {}: {complaint}", output.status)))
    }

    /// The key as a file without a name, which nobody has to keep writing while gpg reads.
    fn input(&self) -> Result<Stdio, Failed> {
        let cannot =
            |error: std::io::Error| Failed(format!("the key cannot be handed over: {error}"));
        let memory =
            memfd_create("key", MemfdFlags::CLOEXEC).map_err(|error| cannot(error.into()))?;
        let mut file = File::from(memory);
        file.write_all(&self.key).and_then(|()| file.rewind()).map_err(cannot)?;
        Ok(file.into())
    }
}
