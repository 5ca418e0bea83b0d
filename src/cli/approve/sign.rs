//! Has `ssh-keygen` sign a statement: found on PATH, started without a shell, in an environment of its own.

use std::ffi::OsString;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::super::error::Failure;
use super::super::exit;
use crate::model::display::escape;
use crate::model::sshsig::{self, SIGNATURE_BYTES_MAX};

const PROGRAM: &str = "ssh-keygen";
/// What it is told of the environment: where keys and agent are, and what kind of terminal asks for passphrase and touch.
const INHERITED: &[&str] = &["HOME", "SSH_AUTH_SOCK", "TERM"];
/// The keys that are looked for, the safest first.
const USUAL_KEYS: &[&str] = &["id_ed25519_sk", "id_ecdsa_sk", "id_ed25519", "id_ecdsa"];

/// The key that was named, or the first of the usual ones.
pub(in crate::cli) fn key(named: Option<&Path>) -> Result<PathBuf, Failure> {
    if let Some(key) = named {
        // ssh-keygen takes the public half of a key that an agent holds as well.
        let public = key.with_added_extension("pub");
        if key.exists() || public.exists() {
            return Ok(key.to_owned());
        }
        let message = format!("there is no key {}", escape(&key.display().to_string()));
        return Err(Failure::new(exit::ERROR, message)
            .hint("name the file of the private key, or of the public one of a key in an agent"));
    }
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let mut usual = USUAL_KEYS.iter().map(|name| home.join(".ssh").join(name));
    usual.find(|key| key.is_file()).ok_or_else(|| {
        Failure::new(exit::USAGE, "there is no key in ~/.ssh that could sign")
            .hint("name one with --key, or make one: `ssh-keygen -t ed25519-sk`")
    })
}

/// Signs, and makes sure that the signature is one that a host would take.
#[expect(
    clippy::disallowed_methods,
    reason = "signing is the operator's own program's business; this is the second place where one is started"
)]
pub(in crate::cli) fn sign(
    key: &Path,
    statement: &[u8],
    namespace: &str,
) -> Result<Vec<u8>, Failure> {
    let failed = |why: &str| {
        let message =
            format!("{PROGRAM} did not sign with {}: {why}", escape(&key.display().to_string()));
        Failure::new(exit::APPROVAL, message).hint(
            "the key may want its passphrase, a touch, or an agent that has it (`ssh-add -l`)",
        )
    };
    let program = found(&std::env::var_os("PATH").unwrap_or_default())?;
    let mut command = Command::new(&program);
    command.args(["-Y", "sign", "-n", namespace, "-f"]).arg(key).env_clear().env("LC_ALL", "C");
    for name in INHERITED {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    // It asks on the terminal itself; what it says there is for the person before it.
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
    let mut child = command.spawn().map_err(|error| failed(&error.to_string()))?;
    let mut written = Ok(());
    if let Some(mut stdin) = child.stdin.take() {
        written = stdin.write_all(statement);
    }
    let mut signature = Vec::new();
    let mut read = Ok(0);
    if let Some(stdout) = child.stdout.take() {
        read = stdout.take(SIGNATURE_BYTES_MAX as u64 + 1).read_to_end(&mut signature);
    }
    let status = child.wait().map_err(|error| failed(&error.to_string()))?;
    if !status.success() || written.is_err() || read.is_err() {
        return Err(failed("see above"));
    }
    sshsig::verify(&signature, statement, namespace).map_err(|error| failed(&error.to_string()))?;
    Ok(signature)
}

/// The program on the search path, as an absolute path: never one of the folder we happen to be in.
fn found(path: &OsString) -> Result<PathBuf, Failure> {
    let folders = std::env::split_paths(path).filter(|folder| folder.is_absolute());
    let runs = |file: &PathBuf| {
        file.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
    };
    folders.map(|folder| folder.join(PROGRAM)).find(runs).ok_or_else(|| {
        Failure::new(exit::ERROR, format!("there is no {PROGRAM} on PATH"))
            .hint("install the OpenSSH client")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_absolute_folders_are_searched() {
        let folder = tempfile::tempdir().expect("a folder");
        let program = folder.path().join(PROGRAM);
        std::fs::write(&program, "").expect("written");
        let path = OsString::from(format!(".:relative:{}", folder.path().display()));
        assert!(found(&path).is_err(), "it cannot be executed");
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755))
            .expect("changed");
        assert_eq!(found(&path).expect("found"), program);
        assert!(found(&OsString::from(".:")).is_err());
    }
}
