//! The made-up host: a folder that looks like the root of the machine in the worked example.
//!
//! Writes below the folder it is given, and only into an empty one. Modes are exact whatever the umask is; everything
//! belongs to whoever runs this, because a demo must not need root. `/var/lib/cutter` is left out: making it is the
//! change that the demo plans, has approved and applies.

mod account;

use std::collections::BTreeSet;
use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::checkout;
use super::cutter::{self, Files, hash_list};
use crate::model::Digest;

pub use account::Account;

/// The hostname of the sandbox.
pub const HOSTNAME: &str = "vmi3080463";
/// The deployed tree, as the sandbox knows its path.
pub const TREE: &str = "/opt/incomex/dot/iu-cutter-v0.6";
/// The repository that the skeleton lies in.
pub const CHECKOUT: &str = "/opt/incomex/dot";
/// The skeleton, below [`CHECKOUT`].
pub const SKELETON: &str = "iu-cutter";

/// In the place of the 75 MB of a true dump.
pub(super) const DUMP: &str = "-- a dump of the sandbox, of which only name, age and size matter\n";

const FOLDER_MODE: u32 = 0o755;

/// The folders with another mode than 0755, and those that nothing else would make.
const FOLDERS: &[(&str, u32)] = &[
    ("etc/cron.d", FOLDER_MODE),
    ("etc/cron.daily", FOLDER_MODE),
    ("opt/incomex/dot/iu-cutter-v0.6", 0o775),
    ("opt/incomex/dot/iu-cutter-v0.6-o7-sidecar", FOLDER_MODE),
    ("opt/incomex/dot/iu-cutter-v0.6-o8a-staging", FOLDER_MODE),
    ("opt/incomex/dot/iu-cutter-v0.6-o8c-sidecar", FOLDER_MODE),
    ("tmp", 0o1777),
    ("usr/lib/python3/dist-packages", FOLDER_MODE),
    ("var/lib", FOLDER_MODE),
    ("var/spool/cron/crontabs", FOLDER_MODE),
];

/// What is committed below [`CHECKOUT`].
const COMMITTED: [(&str, u32, &str); 6] = [
    ("bin/dot-status", 0o755, include_str!("assets/host/dot-status")),
    (
        "config/credentials.example.json",
        0o644,
        include_str!("assets/host/credentials.example.json"),
    ),
    ("config/environment.sh", 0o644, include_str!("assets/host/environment.sh")),
    ("iu-cutter/README.md", 0o644, include_str!("assets/host/skeleton-README.md")),
    ("iu-cutter/cutter_agent/__init__.py", 0o644, include_str!("assets/host/skeleton.py")),
    ("iu-cutter/cutter_agent/plan.py", 0o644, include_str!("assets/host/skeleton-plan.py")),
];

/// Everything else that is not part of the deployed tree.
const FIXED: &[(&str, u32, &str)] = &[
    ("etc/crontab", 0o644, include_str!("assets/host/crontab")),
    ("etc/debian_version", 0o644, "trixie/sid\n"),
    ("etc/hostname", 0o644, "vmi3080463\n"),
    (
        "etc/systemd/system/wf-universal-scanner.timer",
        0o644,
        include_str!("assets/host/wf-universal-scanner.timer"),
    ),
    ("opt/incomex/backups/README.txt", 0o644, "Dumps that were made by hand lie here.\n"),
    ("opt/incomex/backups/directus-20260520T2200.dump", 0o600, DUMP),
    ("opt/incomex/docker/.env", 0o600, include_str!("assets/host/docker.env")),
    ("opt/incomex/secrets/.env.production", 0o640, include_str!("assets/host/env.production")),
    (
        "opt/incomex/dot/iu-cutter-v0.6.pre-o8b-20260521T053334Z/DEPLOY-MANIFEST.txt",
        0o644,
        "source_commit=6625f768841dd80a9d524fb722889731edc53c07\nexecution_enabled=false\n",
    ),
    ("opt/incomex/dot/iu-cutter-v0.6-o7-sidecar/README.txt", 0o644, "Left over from O7.\n"),
    ("opt/incomex/dot/iu-cutter-v0.6-o8a-staging/README.txt", 0o644, "Left over from O8A.\n"),
    ("opt/incomex/dot/iu-cutter-v0.6-o8c-sidecar/README.txt", 0o644, "Left over from O8C.\n"),
    ("tmp/iu-cutter-v0.6-6625f76.tar.gz", 0o644, "In the place of the archive of O6B.\n"),
    (
        "usr/local/lib/python3.12/dist-packages/psycopg2-2.9.11.dist-info/METADATA",
        0o644,
        "Metadata-Version: 2.1\nName: psycopg2\nVersion: 2.9.11\n",
    ),
    ("var/lib/dpkg/status", 0o644, include_str!("assets/host/dpkg-status")),
];

/// Why the sandbox could not be written.
#[derive(Debug, thiserror::Error)]
pub enum LayoutError {
    /// The folder has something in it already.
    #[error("{} is not empty; the sandbox is written into an empty folder only", .0.display())]
    NotEmpty(PathBuf),
    /// The operating system refused.
    #[error("failed to write {} of the sandbox", path.display())]
    Write {
        /// What was to be written.
        path: PathBuf,
        /// Why it was not.
        source: io::Error,
    },
    /// libgit2 refused.
    #[error("failed to make the sandbox's repository")]
    Git(#[from] git2::Error),
}

/// What was written, and what desired state has to say about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sandbox {
    /// Its root.
    pub root: PathBuf,
    /// To whom everything in it belongs.
    pub account: Account,
    /// The deployed tree as `sha256sum` lists it: 82 lines.
    pub tree: String,
    /// The digest that pins the skeleton, with `iu-cutter` as its prefix.
    pub skeleton: Digest,
    /// The commit of its repository.
    pub head: String,
}

/// Writes the sandbox into `root`, which is made if it is not there.
///
/// # Errors
/// When `root` is not empty, or something cannot be written; what was written until then stays.
pub fn write(root: &Path) -> Result<Sandbox, LayoutError> {
    let writer = Writer::new(root)?;
    let account = Account::of(&writer.root).map_err(writer.failed("etc/passwd"))?;
    for &(path, mode) in FOLDERS {
        writer.folder(path, mode)?;
    }
    for &(path, mode, text) in FIXED {
        writer.file(path, mode, text.as_bytes())?;
    }
    writer.file("etc/passwd", 0o644, account.passwd().as_bytes())?;
    writer.file("etc/group", 0o644, account.group_file().as_bytes())?;
    let machine_id = machine_id().map_err(writer.failed("etc/machine-id"))?;
    writer.file("etc/machine-id", 0o444, format!("{machine_id}\n").as_bytes())?;
    let tree = cutter::files();
    for (path, bytes) in &tree {
        writer.file(&format!("{}/{path}", beneath(TREE)), 0o644, bytes)?;
    }
    for (path, mode, text) in COMMITTED {
        writer.file(&format!("{}/{path}", beneath(CHECKOUT)), mode, text.as_bytes())?;
    }
    let paths = COMMITTED.iter().map(|(path, ..)| *path);
    let head = checkout::commit(&writer.root.join(beneath(CHECKOUT)), paths)?;
    Ok(Sandbox {
        root: writer.root,
        account,
        tree: hash_list(&tree, ""),
        skeleton: Digest::of(hash_list(&skeleton(), "").as_bytes()),
        head,
    })
}

/// Each sandbox is another machine: what is signed for one counts on no other.
fn machine_id() -> io::Result<String> {
    let mut bytes = [0; 16];
    rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}

/// The skeleton's files, with the folder that its digest is computed from in front.
fn skeleton() -> Files {
    let folder = Path::new(SKELETON);
    let files = COMMITTED.iter().filter(|(path, ..)| Path::new(path).starts_with(folder));
    files.map(|(path, _, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect()
}

/// A path of the sandbox without its leading slash.
fn beneath(path: &str) -> &str {
    path.trim_start_matches('/')
}

struct Writer {
    root: PathBuf,
}

impl Writer {
    fn new(root: &Path) -> Result<Self, LayoutError> {
        let writer = Self { root: root.to_owned() };
        let failed = writer.failed("");
        match root.read_dir().map(|mut entries| entries.next().is_some()) {
            Ok(true) => return Err(LayoutError::NotEmpty(root.to_owned())),
            Ok(false) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                make_folder(root, FOLDER_MODE).map_err(failed)?;
            }
            Err(error) => return Err(failed(error)),
        }
        Ok(writer)
    }

    /// Makes a folder and what is missing above it.
    fn folder(&self, path: &str, mode: u32) -> Result<(), LayoutError> {
        let missing: BTreeSet<&Path> =
            Path::new(path).ancestors().filter(|above| !self.root.join(above).is_dir()).collect();
        for folder in missing {
            let mode = if folder == Path::new(path) { mode } else { FOLDER_MODE };
            make_folder(&self.root.join(folder), mode).map_err(self.failed(path))?;
        }
        Ok(())
    }

    /// Makes a file that is not there yet.
    fn file(&self, path: &str, mode: u32, bytes: &[u8]) -> Result<(), LayoutError> {
        if let Some((folder, _)) = path.rsplit_once('/') {
            self.folder(folder, FOLDER_MODE)?;
        }
        let write = || {
            let mut file = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(mode)
                .open(self.root.join(path))?;
            file.write_all(bytes)?;
            file.set_permissions(Permissions::from_mode(mode))
        };
        write().map_err(self.failed(path))
    }

    fn failed(&self, path: &str) -> impl Fn(io::Error) -> LayoutError + use<> {
        let path = self.root.join(path);
        move |source| LayoutError::Write { path: path.clone(), source }
    }
}

/// Makes one folder with exactly this mode.
fn make_folder(path: &Path, mode: u32) -> io::Result<()> {
    DirBuilder::new().mode(mode).create(path)?;
    File::open(path)?.set_permissions(Permissions::from_mode(mode))
}

#[cfg(test)]
mod tests;
