//! Keys, agents and signatures of the real `ssh-keygen`, for the tests of approvals and of signed commits.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

/// A folder with keys.
pub(crate) struct Keys {
    folder: tempfile::TempDir,
}

impl Keys {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Makes a key of this kind without a passphrase. Answers its file.
    pub(crate) fn make(&self, kind: &str, name: &str) -> PathBuf {
        let path = self.path(name);
        let mut keygen = Command::new("ssh-keygen");
        keygen.args(["-q", "-t", kind, "-N", "", "-C", name, "-f"]).arg(&path);
        succeeds(&keygen.output().unwrap());
        path
    }

    /// The line of its public key.
    pub(crate) fn line(&self, name: &str) -> String {
        fs::read_to_string(self.path(&format!("{name}.pub"))).unwrap().trim().to_owned()
    }
}

/// An agent that is ended whatever becomes of the test.
pub(crate) struct Agent {
    child: Child,
    pub(crate) socket: PathBuf,
}

impl Agent {
    pub(crate) fn with(keys: &Keys, key: &Path) -> Self {
        let socket = keys.path("agent.sock");
        let mut agent = Command::new("ssh-agent");
        agent.arg("-D").arg("-a").arg(&socket).stdout(Stdio::null());
        let agent = Self { child: agent.spawn().unwrap(), socket };
        let mut left = 500;
        while !agent.socket.exists() {
            left -= 1;
            assert!(left > 0, "the agent did not come up");
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        let mut add = Command::new("ssh-add");
        succeeds(&add.arg("-q").arg(key).env("SSH_AUTH_SOCK", &agent.socket).output().unwrap());
        agent
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What stock `ssh-keygen -Y sign` makes of these bytes.
pub(crate) fn sign(key: &Path, namespace: &str, bytes: &[u8]) -> Vec<u8> {
    let mut keygen = Command::new("ssh-keygen");
    keygen.args(["-Y", "sign", "-n", namespace, "-f"]).arg(key);
    let output = fed(keygen, bytes);
    succeeds(&output);
    output.stdout
}

/// Does stock `ssh-keygen -Y verify` take the signature?
pub(crate) fn verifies(
    allowed: &Path,
    who: &str,
    namespace: &str,
    signature: &Path,
    bytes: &[u8],
) -> bool {
    let mut keygen = Command::new("ssh-keygen");
    keygen.args(["-Y", "verify", "-I", who, "-n", namespace, "-f"]).arg(allowed);
    fed(keygen.arg("-s").arg(signature), bytes).status.success()
}

fn fed(mut command: impl std::borrow::BorrowMut<Command>, bytes: &[u8]) -> Output {
    let command = command.borrow_mut();
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(bytes).unwrap();
    child.wait_with_output().unwrap()
}

pub(crate) fn succeeds(output: &Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
