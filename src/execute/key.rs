//! A public key comes into a home of GnuPG, or goes again: `gpg` is started as whoever owns the home, and the keyring is read
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
use crate::action::{Action, Condition, Content, Depth, PathState};
use crate::approval::StepPermit;
use crate::ledger::{Outcome, failpoint};
use crate::model::Digest;
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

/// A home that holds of the key what was signed.
pub(super) struct Ready<'a> {
    host: &'a Host,
    home: String,
    /// The home as this machine names it, with the root of the host before it.
    folder: PathBuf,
    fingerprint: String,
    deed: Deed,
    /// User and group as which it runs; `None` for those of this program.
    owner: Option<(u32, u32)>,
}

/// Looks at the home and its keyring.
pub(super) fn ready<'a>(step: &Step, means: &Means<'a>) -> Result<Ready<'a>, Failed> {
    let About { home, fingerprint, before, .. } = About::of(step)?;
    let owner = owner(home, means)?;
    let host: &'a Host = means.host;
    let is = held(host, home, fingerprint)?;
    expect(before, is)?;
    let deed = if let Action::ImportKey { key, .. } = &step.action {
        Deed::Import(public(key, fingerprint)?)
    } else {
        // A public key without which a private one is worth nothing is not an earlier plan's alone.
        if openpgp::private_parts(host, Path::new(home), Links::Refuse)? > 0 {
            return Err(Failed::new("private keys lie in the home, and one may be its own"));
        }
        Deed::Remove
    };
    let folder = beneath(&means.config.root.value, Path::new(home));
    let (home, fingerprint) = (home.to_owned(), fingerprint.to_owned());
    Ok(Ready { host, home, folder, fingerprint, deed, owner })
}

/// The bytes of the key, which has to be the one that is named.
fn public(key: &Content, fingerprint: &str) -> Result<Vec<u8>, Failed> {
    let key = key.inline().ok_or_else(|| Failed::new("the key is not in the plan"))?;
    let public = openpgp::public_key(&key).map_err(|why| Failed(format!("the plan {why}")))?;
    if public.fingerprint == fingerprint {
        return Ok(key);
    }
    Err(Failed::new("the plan holds another key than it names"))
}

/// Compares what a home holds of the key with what was signed.
fn expect(wanted: Wanted, is: Option<Digest>) -> Result<(), Failed> {
    let (found, expected) = (word(is.is_some()), word(wanted.present));
    if is.is_some() != wanted.present {
        return Err(Failed(format!("the key is {found}, where {expected} is expected")));
    }
    if wanted.sha256.is_some_and(|wanted| is != Some(wanted)) {
        return Err(Failed::new("the key is no longer as it was imported"));
    }
    Ok(())
}

/// What an open intent came to.
pub(super) fn came_to(
    step: &Step,
    host: &Host,
) -> Result<(Outcome, String, Option<Condition>), Failed> {
    let About { home, fingerprint, after, .. } = About::of(step)?;
    let is = held(host, home, fingerprint)?;
    let same = is.is_some() == after.present;
    let outcome = if same { Outcome::Recovered } else { Outcome::NotApplied };
    Ok((outcome, word(is.is_some()).to_owned(), Some(seen(home, fingerprint, is))))
}

/// What is done with the key.
enum Deed {
    Import(Vec<u8>),
    Remove,
}

/// What a condition says of the key.
#[derive(Clone, Copy)]
struct Wanted {
    present: bool,
    sha256: Option<Digest>,
}

/// What a step is about. Its conditions have to be about the same key.
struct About<'a> {
    home: &'a str,
    fingerprint: &'a str,
    before: Wanted,
    after: Wanted,
}

impl<'a> About<'a> {
    fn of(step: &'a Step) -> Result<Self, Failed> {
        let (Action::ImportKey { home, fingerprint, .. } | Action::RemoveKey { home, fingerprint }) =
            &step.action
        else {
            return Err(Failed::new("it is not about a key"));
        };
        let wanted = |condition: &Condition| match condition {
            Condition::Key { home: other, fingerprint: key, present, sha256 }
                if home == other && fingerprint == key =>
            {
                Ok(Wanted { present: *present, sha256: *sha256 })
            }
            _ => Err(Failed::new("its conditions are not about its key")),
        };
        let (before, after) = (wanted(&step.before)?, wanted(&step.after)?);
        Ok(Self { home, fingerprint, before, after })
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

/// All that a home holds of the key, as a digest; `None` where it does not have it.
fn held(host: &Host, home: &str, fingerprint: &str) -> Result<Option<Digest>, Failed> {
    Ok(openpgp::material(host, Path::new(home), fingerprint)?)
}

fn seen(home: &str, fingerprint: &str, is: Option<Digest>) -> Condition {
    let (home, fingerprint) = (home.to_owned(), fingerprint.to_owned());
    Condition::Key { home, fingerprint, present: is.is_some(), sha256: is }
}

const fn word(present: bool) -> &'static str {
    if present { "present" } else { "absent" }
}

impl Ready<'_> {
    /// Imports or removes the key, and looks at what came of it.
    pub(super) fn run(&self, _: &StepPermit<'_>) -> (Outcome, String, Option<Condition>) {
        let why = self.act().err().map(|Failed(why)| why);
        failpoint::boundary();
        let wanted = matches!(self.deed, Deed::Import(_));
        let is = held(self.host, &self.home, &self.fingerprint);
        let seen = is.as_ref().ok().map(|is| seen(&self.home, &self.fingerprint, *is));
        let (outcome, detail) = match (why, is.map(|is| is.is_some())) {
            (None, Ok(is)) if is == wanted => (Outcome::Applied, word(is).to_owned()),
            (None, Ok(is)) => {
                (Outcome::Failed, format!("gpg says that it is done, and the key is {}", word(is)))
            }
            (Some(why), Ok(is)) if is != wanted => {
                (Outcome::Failed, format!("{why}; the key is {}", word(is)))
            }
            (Some(why), Ok(is)) => (Outcome::Diverged, format!("{why}; the key is {}", word(is))),
            (why, Err(Failed(unknown))) => {
                let why = why.map_or_else(String::new, |why| format!("{why}; "));
                let detail = format!("{why}what the keyring holds cannot be told: {unknown}");
                (Outcome::Diverged, detail)
            }
        };
        (outcome, detail, seen)
    }

    fn act(&self) -> Result<(), Failed> {
        let mut command = Command::new(PROGRAM);
        command.args(OPTIONS).arg("--homedir").arg(&self.folder);
        let input = match &self.deed {
            Deed::Import(key) => {
                command.arg("--import");
                Self::input(key)?
            }
            Deed::Remove => {
                command.args(["--yes", "--delete-keys"]).arg(&self.fingerprint);
                Stdio::null()
            }
        };
        command.env_clear().env("PATH", runner::SEARCH_PATH).env("LC_ALL", "C");
        command.env("HOME", &self.folder).current_dir("/").process_group(0);
        command.stdin(input).stdout(Stdio::piped()).stderr(Stdio::piped());
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
    fn input(key: &[u8]) -> Result<Stdio, Failed> {
        let cannot =
            |error: std::io::Error| Failed(format!("the key cannot be handed over: {error}"));
        let memory =
            memfd_create("key", MemfdFlags::CLOEXEC).map_err(|error| cannot(error.into()))?;
        let mut file = File::from(memory);
        file.write_all(key).and_then(|()| file.rewind()).map_err(cannot)?;
        Ok(file.into())
    }
}
