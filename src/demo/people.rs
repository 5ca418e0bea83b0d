//! Two throw-away keys, and the files with which the sandbox trusts whoever holds them.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Who approves in the sandbox: a name in the trust file, and a role. The demo plays both.
pub const APPROVERS: &[(&str, &str)] =
    &[("first@sandbox", "operator"), ("second@sandbox", "owner")];
/// The folder of the keys.
const KEYS: &str = "keys";

/// Makes the keys with `ssh-keygen`, and writes `trust.toml` and `switch.toml` beside the configuration. False where there
/// is no `ssh-keygen`: then nobody can sign, and nothing is armed.
///
/// # Errors
/// When a file cannot be written, or `ssh-keygen` fails.
pub(super) fn arm(folder: &Path) -> io::Result<bool> {
    fs::DirBuilder::new().mode(0o700).create(folder.join(KEYS))?;
    let mut trust = String::from(
        "# Who may approve in this sandbox: two keys that were made for it, and go with it.\nversion = 1\n",
    );
    for (name, role) in APPROVERS {
        let path = key(folder, name);
        match generate(&path, name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            made => made?,
        }
        let line = fs::read_to_string(path.with_extension("pub"))?;
        let public: Vec<&str> = line.split(' ').take(2).collect();
        let (public, table) = (public.join(" "), format!("[approver.\"{name}\"]"));
        let public = public.trim_end();
        let _ = write!(trust, "\n{table}\nkeys = [\"{public}\"]\nroles = [\"{role}\"]\n");
    }
    trust.push_str(POLICY);
    place(&folder.join("trust.toml"), &trust)?;
    place(&folder.join("switch.toml"), SWITCH)?;
    Ok(true)
}

/// The private key of an approver.
#[must_use]
pub fn key(folder: &Path, name: &str) -> PathBuf {
    let name = name.split('@').next().unwrap_or(name);
    folder.join(KEYS).join(name)
}

const POLICY: &str = "
# What only people can state, either of them may; a guard is explained by its owner alone.
[attest]
roles = [\"operator\", \"owner\"]
explain = [\"operator\"]
guards = [\"owner\"]
lifetime = \"30d\"

# Provisioning below /var/lib/cutter takes both of them.
[policy.provision]
actions = [\"create_directory\", \"write_file\", \"set_mode\", \"set_owner\", \"remove\"]
roots = [\"/var/lib/cutter\"]
max_steps = 16
total = 2
require = [{ role = \"operator\", min = 1 }, { role = \"owner\", min = 1 }]
separation = \"none\"
lifetime = \"24h\"

# So does what is changed in the database.
[policy.database]
actions = [\"sql\"]
databases = [\"directus\"]
max_steps = 4
total = 2
require = [{ role = \"operator\", min = 1 }, { role = \"owner\", min = 1 }]
separation = \"none\"
lifetime = \"12h\"
";

const SWITCH: &str =
    "# What is armed. Without `apply = true` no plan runs, whoever signed it; without `prove = true` no proof does.
version = 1
apply = true
prove = true
";

fn generate(path: &Path, comment: &str) -> io::Result<()> {
    let mut command = Command::new("ssh-keygen");
    command.args(["-q", "-t", "ed25519", "-N", "", "-C", comment, "-f"]).arg(path);
    let ended = command.stdin(Stdio::null()).output()?;
    if ended.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    Err(io::Error::other(format!("ssh-keygen: {}", said.trim_end())))
}

/// Whatever the umask is, nobody else may write what is trusted.
fn place(path: &Path, text: &str) -> io::Result<()> {
    fs::write(path, text)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o644))
}
