//! Runs one command that desired state asks for, if the host's configuration lists it word by word.
//!
//! The folder is found as everything else on a host is, beneath its root and within `[observe]`; the program comes from
//! the running system, whatever the root is. How a command is confined is the business of [`crate::sandbox`].

use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::host::{Contents, Host, Links};
use super::runner::confined::{self, Ended};
use crate::config::SmokePolicy;
use crate::model::display::{escape, one_line};
use crate::model::{Reason, Unknown, shown_path};
use crate::sandbox::Confined;

/// How much of a command stands in a message.
const COMMAND_CHARS_MAX: usize = 120;

/// A command that ended, and whether what it printed may be shown.
#[derive(Debug)]
pub struct Ran {
    /// How it ended, and the end of what it printed.
    pub ended: Ended,
    /// Does `[observe] show_content` cover the folder it ran in?
    pub shown: bool,
}

/// Runs a command in a folder of the host.
///
/// # Errors
/// When the host does not allow the command or the folder, when it cannot be confined or started, and when it does not end.
pub fn run(
    host: &Host,
    policy: &SmokePolicy,
    command: &[String],
    folder: &Path,
    deadline: Duration,
) -> Result<Ran, Unknown> {
    if !policy.allows(command) {
        let shown = one_line(&command.join(" "), COMMAND_CHARS_MAX);
        let detail = format!(
            "`{shown}` is not listed, word by word, in `[smoke] allow` of the host's configuration"
        );
        return Err(Unknown::new(Reason::NotAllowed, detail));
    }
    let opened = match host.directory(folder, Links::Refuse)? {
        (Contents::Regular(_, opened), _) => opened,
        (Contents::Absent, _) => {
            let detail = format!("there is no folder `{}` to run in", shown_path(folder));
            return Err(Unknown::new(Reason::IoError, detail));
        }
        (Contents::Other(stat), _) => {
            let (folder, kind) = (shown_path(folder), stat.file_type.name());
            let detail = format!("`{folder}` to run in is no folder but a {kind}");
            return Err(Unknown::new(Reason::NotSupported, detail));
        }
    };
    let mut read = host.open_roots()?;
    read.push(name_of(&opened)?);
    read.extend(policy.read.iter().cloned());
    let confined = Confined {
        command: command.to_vec(),
        user: policy.user.clone(),
        read,
        environment: confined::environment(&policy.environment),
    };
    let ended = confined::run(&confined, &opened, deadline)?;
    // Of the folder itself no pattern need speak, but of everything in it: `/srv/app/**` is what people write.
    let shown = host.policy().shows_content(&folder.join(".output"));
    Ok(Ran { ended, shown })
}

impl Host {
    /// The folders of `[observe] roots`, as the running system knows them.
    fn open_roots(&self) -> Result<Vec<PathBuf>, Unknown> {
        let root = name_of(&self.root)?;
        let below = |path: &PathBuf| root.join(path.strip_prefix("/").unwrap_or(path));
        Ok(self.policy().roots().iter().map(below).collect())
    }
}

/// The name under which the running system knows an open folder.
fn name_of(folder: &OwnedFd) -> Result<PathBuf, Unknown> {
    std::fs::read_link(format!("/proc/self/fd/{}", folder.as_raw_fd())).map_err(|e| {
        let detail = format!("a folder cannot be named: {}", escape(&e.to_string()));
        Unknown::new(Reason::IoError, detail)
    })
}
