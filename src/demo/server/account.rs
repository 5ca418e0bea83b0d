//! Under whose name the server runs: PostgreSQL refuses root, so root hands it to an account without rights.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::{getegid, geteuid};

use super::error::{Result, ServerError, io_error};

/// The account that runs the server: our own, or for root one without rights.
#[derive(Debug)]
pub(super) struct Account {
    name: String,
    uid: u32,
    gid: u32,
    drop_rights: bool,
}

impl Account {
    pub(super) fn choose() -> Result<Self> {
        if !geteuid().is_root() {
            let (uid, gid) = (geteuid().as_raw(), getegid().as_raw());
            return Ok(Self { name: format!("uid {uid}"), uid, gid, drop_rights: false });
        }
        let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
        let account = |wanted: &str| {
            let line = passwd.lines().find(|line| line.split(':').next() == Some(wanted))?;
            let mut fields = line.split(':').skip(2);
            let uid = fields.next()?.parse().ok()?;
            let gid = fields.next()?.parse().ok()?;
            Some(Self { name: wanted.to_owned(), uid, gid, drop_rights: true })
        };
        account("postgres").or_else(|| account("nobody")).ok_or(ServerError::NoAccount)
    }

    pub(super) fn give(&self, path: &Path) -> Result<()> {
        if self.drop_rights {
            chown(path, Some(self.uid), Some(self.gid)).map_err(|e| io_error("chown", path, e))?;
        }
        Ok(())
    }

    /// Mode bits only: what access lists and further groups allow is found out by the program that tries.
    pub(super) fn can_enter(&self, folder: &Path) -> Result<()> {
        let folder = fs::canonicalize(folder).map_err(|e| io_error("find", folder, e))?;
        let closed = folder.ancestors().find(|path| {
            let Ok(stat) = fs::metadata(path) else { return true };
            let bit = match () {
                () if stat.uid() == self.uid => 0o100,
                () if stat.gid() == self.gid => 0o010,
                () => 0o001,
            };
            stat.mode() & bit == 0
        });
        match closed {
            Some(path) => {
                Err(ServerError::Closed { user: self.name.clone(), folder: path.to_owned() })
            }
            None => Ok(()),
        }
    }

    /// A program under this account; with a signal, the kernel sends it when the thread that starts the program ends.
    pub(super) fn command(&self, program: &Path, on_death: Option<&str>) -> Command {
        let mut command = Command::new(if self.drop_rights || on_death.is_some() {
            Path::new("setpriv")
        } else {
            program
        });
        if self.drop_rights {
            command.arg(format!("--reuid={}", self.uid)).arg(format!("--regid={}", self.gid));
            command.arg("--init-groups");
        }
        if let Some(signal) = on_death {
            command.arg(format!("--pdeathsig={signal}"));
        }
        if self.drop_rights || on_death.is_some() {
            command.arg("--").arg(program);
        }
        let path = std::env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin".into());
        command.env_clear().env("PATH", path).env("LC_ALL", "C").current_dir("/");
        command.stdin(Stdio::null());
        command
    }
}
