//! Narrows the process that calls it, for good, so that the command it becomes can read little and change nothing.
//!
//! Meant for a fresh process with one thread: everything here is inherited by what that process starts, and nothing of it
//! can be taken back. Each step that fails is a refusal; there is no degree of confinement below what is described here.
//!
//! What is left is: reading and executing below the named folders with the rights of an unprivileged user, writing to
//! `/dev/null` and to the descriptors 0 to 2. No socket but a pair of connected ones, no change of any file or of its
//! attributes, no terminal, no way out of the process group, and bounds on memory, processor time, processes and files.

mod account;
pub mod controller;
mod filter;

use std::collections::BTreeMap;
use std::path::PathBuf;

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, CompatLevel, Compatible as _, Ruleset, RulesetAttr as _,
    RulesetCreatedAttr as _, RulesetStatus, Scope, path_beneath_rules,
};
use rustix::process::{Resource, Rlimit};
use serde::{Deserialize, Serialize};

use crate::model::{Reason, Unknown};

/// A command, and within what it is confined. Everything in it comes from the host's configuration, or was compared
/// with it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Confined {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Whose rights it has when the process is root's; another process keeps its own user.
    pub user: String,
    /// Folders of the running system that it may read and execute, besides the system's own.
    pub read: Vec<PathBuf>,
    /// Its whole environment.
    pub environment: BTreeMap<String, String>,
}

/// What every program needs to start: itself, its libraries, the system's tables, and what the kernel says of it.
const SYSTEM: &[&str] = &[
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/etc",
    "/dev/full",
    "/dev/random",
    "/dev/urandom",
    "/dev/zero",
    "/proc/self",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/sys/devices/system/cpu",
];

/// The bounds of each process, as `getrlimit` names them.
const LIMITS: &[(Resource, u64)] = &[
    // Two bytes would be needed for a dump that goes to a file; and 1 is how the kernel is told to start no collector.
    (Resource::Core, 1),
    // One that outlives this program, because that was killed, does not run for ever.
    (Resource::Cpu, 3600),
    (Resource::Fsize, 0),
    (Resource::As, 4 << 30),
    (Resource::Nofile, 1024),
    // Counted over everything that the user runs, so it is generous.
    (Resource::Nproc, 4096),
    (Resource::Memlock, 1 << 20),
];
const NICE: i32 = 10;

/// Narrows this process: session, descriptors, limits, user, rights, files, system calls, in this order.
///
/// # Errors
/// [`Reason::NotConfined`] with the step that failed. The process may be half narrowed then, and must run nothing.
pub fn confine(confined: &Confined) -> Result<(), Unknown> {
    // A group of its own, and no terminal: one that an operator sits at could be typed into.
    rustix::process::setsid().map_err(refused("it could not leave its session"))?;
    close_fds::set_fds_cloexec(3, &[]);
    for (resource, most) in LIMITS {
        limit(*resource, *most).map_err(refused("a limit of the process could not be set"))?;
    }
    rustix::process::nice(NICE).map_err(refused("its priority could not be lowered"))?;
    account::drop_rights(&confined.user)?;
    // Whoever is killed while the command runs takes it along.
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))
        .map_err(refused("it could not be tied to the process that started it"))?;
    rustix::thread::set_no_new_privs(true)
        .map_err(refused("gaining rights could not be ruled out"))?;
    restrict_files(&confined.read)?;
    filter::install()
}

/// As low as wanted, and never above what it is.
fn limit(resource: Resource, most: u64) -> rustix::io::Result<()> {
    let now = rustix::process::getrlimit(resource);
    let low = |limit: Option<u64>| Some(limit.map_or(most, |limit| limit.min(most)));
    let new = Rlimit { current: low(now.current), maximum: low(now.maximum) };
    rustix::process::setrlimit(resource, new)
}

/// Reading below the folders, writing nowhere. The first version of Landlock is demanded; newer ones take more away:
/// connections, device controls, sockets and signals beyond the own descendants.
fn restrict_files(read: &[PathBuf]) -> Result<(), Unknown> {
    let restrict = || {
        let folders = SYSTEM.iter().map(PathBuf::from).chain(read.iter().cloned());
        Ruleset::default()
            .set_compatibility(CompatLevel::HardRequirement)
            .handle_access(AccessFs::from_all(ABI::V1))?
            .set_compatibility(CompatLevel::BestEffort)
            .handle_access(AccessFs::from_all(ABI::V5))?
            .handle_access(AccessNet::from_all(ABI::V4))?
            .scope(Scope::from_all(ABI::V6))?
            .create()?
            .add_rules(path_beneath_rules(folders, AccessFs::from_read(ABI::V1)))?
            .add_rules(path_beneath_rules(["/dev/null"], AccessFs::from_file(ABI::V1)))?
            .restrict_self()
    };
    let status = restrict().map_err(refused("Landlock could not be set up"))?;
    if status.ruleset == RulesetStatus::NotEnforced {
        return Err(Unknown::new(Reason::NotConfined, "this kernel has no Landlock"));
    }
    Ok(())
}

fn refused<E: std::error::Error>(what: &str) -> impl Fn(E) -> Unknown {
    move |error| {
        let mut detail = format!("{what}: {error}");
        let mut cause = error.source();
        while let Some(deeper) = cause {
            detail = format!("{detail}: {deeper}");
            cause = deeper.source();
        }
        Unknown::new(Reason::NotConfined, detail)
    }
}

#[cfg(test)]
mod tests;
