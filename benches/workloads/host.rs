//! Hosts of their own for plans: a root, desired state in a repository, the three files of a host's configuration, and keys.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::Result;
use super::layout::{Layout, name_of};
use super::measure::Contender;

/// Who approves: a name of the trust file, which is the role as well.
pub(super) const APPROVERS: [&str; 2] = ["operator", "reviewer"];

/// A host below the folder of the benchmarks.
pub(super) struct Host {
    pub(super) folder: PathBuf,
    program: PathBuf,
    /// Who runs this, by name.
    pub(super) owner: String,
    pub(super) group: String,
}

impl Host {
    /// An empty one; whatever an earlier run left is gone.
    pub(super) fn new(layout: &Layout, name: &str) -> Result<Self> {
        let folder = fs::canonicalize(&layout.folder)?.join(name);
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        let etc = folder.join("root/etc");
        fs::create_dir_all(&etc)?;
        fs::create_dir_all(folder.join("desired/hosts/bench/files"))?;
        let lists = ["passwd", "group"].map(|name| layout.root().join("etc").join(name));
        for list in &lists {
            fs::copy(list, etc.join(list.file_name().unwrap_or_default()))?;
        }
        fs::write(etc.join("hostname"), "bench\n")?;
        fs::write(etc.join("machine-id"), "0123456789abcdef0123456789abcdef\n")?;
        let me = fs::metadata(&folder)?;
        let (owner, group) = (name_of(&lists[0], me.uid())?, name_of(&lists[1], me.gid())?);
        let host = Self { folder, program: layout.program().to_owned(), owner, group };
        let identity = "[host]\nidentity = { hostname = \"bench\" }\n";
        host.write("desired/hosts/bench/host.toml", identity)?;
        let config = "host = \"bench\"\nroot = \"root\"\ndata = \"data\"\n[source]\nurl = \"desired\"\n[observe]\nroots = [\"/\"]\n";
        host.write("config.toml", config)?;
        Ok(host)
    }

    /// A path of the managed host, as this machine names it.
    pub(super) fn path(&self, path: &str) -> PathBuf {
        self.folder.join("root").join(path.trim_start_matches('/'))
    }

    pub(super) fn write(&self, name: &str, text: &str) -> Result<()> {
        let path = self.folder.join(name);
        fs::write(&path, text)?;
        Ok(fs::set_permissions(path, fs::Permissions::from_mode(0o644))?)
    }

    /// Commits what is wanted.
    pub(super) fn want(&self, resources: &str) -> Result<()> {
        self.write("desired/hosts/bench/resources.toml", resources)?;
        let who = ["-c", "user.name=bench", "-c", "user.email=bench@localhost"];
        let desired = self.folder.join("desired");
        for words in [&["init", "-q"][..], &["add", "."], &["commit", "-q", "-m", "bench"]] {
            let mut git = Command::new("git");
            finish(git.args(who).args(words).current_dir(&desired))?;
        }
        Ok(())
    }

    /// This program with the host's configuration.
    pub(super) fn asked(&self, name: &str, verb: &[&str]) -> Contender {
        let config = self.folder.join("config.toml").display().to_string();
        let words = verb.iter().map(ToString::to_string).chain(["--config".into(), config]);
        Contender {
            name: name.to_owned(),
            program: self.program.clone(),
            arguments: words.collect(),
            folder: self.folder.clone(),
            in_sync: |_| true,
        }
    }

    /// Runs this program, which has to succeed.
    pub(super) fn run(&self, words: &[&str]) -> Result<String> {
        let mut command = Command::new(&self.program);
        command.args(words).current_dir(&self.folder).env("HOME", "/nonexistent");
        finish(&mut command)
    }

    /// Two people with keys, both of whom have to approve, and a switch that is on.
    pub(super) fn arm(&self) -> Result<()> {
        let mut trust = "version = 1\n".to_owned();
        for name in APPROVERS {
            let key = self.folder.join(name);
            let mut keygen = Command::new("ssh-keygen");
            finish(keygen.args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f"]).arg(&key))?;
            let public = fs::read_to_string(key.with_extension("pub"))?;
            let public = public.trim_end();
            write!(trust, "[approver.{name}]\nkeys = [\"{public}\"]\nroles = [\"{name}\"]\n")?;
        }
        trust.push_str(
            "[policy.all]\nactions = [\"create_directory\", \"write_file\"]\nroots = [\"/\"]\nmax_steps = 100\ntotal = 2\n\
             require = [{ role = \"operator\", min = 1 }, { role = \"reviewer\", min = 1 }]\nlifetime = \"1h\"\nseparation = \"none\"\n",
        );
        self.write("trust.toml", &trust)?;
        self.write("switch.toml", "version = 1\napply = true\n")
    }
}

/// Runs a command to its end; its output when it succeeded.
pub(super) fn finish(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output()?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() {
        return Ok(text(&output.stdout));
    }
    let program = Path::new(command.get_program()).display();
    Err(format!("{program}: {}{}", text(&output.stdout), text(&output.stderr)).into())
}
