//! What has to happen before a person signs: they sit before this machine, were shown what it is, and mean that very thing.

use std::io::{self, BufRead as _, IsTerminal as _};
use std::path::{Path, PathBuf};

use super::error::Failure;
use super::exit;
use super::output::{self, Output};
use crate::approval::Signed;
use crate::model::Digest;
use crate::model::display::one_line;

/// How many digits of the digest are typed.
const DIGITS: usize = 6;

/// What is signed, in words.
pub(super) struct Matter<'a> {
    /// Such as `plan`.
    pub(super) noun: &'a str,
    /// What is done by it, such as `approve`.
    pub(super) verb: &'a str,
    /// How to learn its digest.
    pub(super) read_first: &'a str,
    /// Its digest.
    pub(super) digest: Digest,
}

/// Over ssh the agent that signs may be anybody's who is root there.
pub(super) fn require_presence(i_am_remote: bool) -> Result<(), Failure> {
    let remote = std::env::var_os("SSH_CONNECTION").is_some();
    if remote && !i_am_remote {
        let message = "this is a session over ssh: root of this machine could sign with your agent";
        return Err(Failure::new(exit::USAGE, message)
            .hint("sign on your own machine, or say --i-am-remote"));
    }
    Ok(())
}

/// Shows it, and has its digest repeated: by a person the first digits, by a script all of them.
pub(super) fn confirm(
    matter: &Matter<'_>,
    given: Option<&str>,
    output: &Output,
    show: impl FnOnce() -> Result<(), Failure>,
) -> Result<(), Failure> {
    let Matter { noun, verb, read_first, digest } = matter;
    let whole = digest.to_string();
    if let Some(given) = given {
        let given = given.strip_prefix("sha256:").unwrap_or(given);
        if given == whole {
            return Ok(());
        }
        if !given.is_empty() && whole.starts_with(given) {
            let message =
                format!("--digest takes all 64 digits, so that a script cannot hit another {noun}");
            let hint = format!("{read_first} prints them");
            return Err(Failure::new(exit::APPROVAL, message).hint(hint));
        }
        let message = format!("the digest of this {noun} is {whole}, not {}", one_line(given, 70));
        return Err(Failure::new(exit::APPROVAL, message)
            .hint(format!("this is another {noun}, or it was changed")));
    }
    if !io::stdin().is_terminal() {
        let message = format!("there is no terminal to ask whether this is the {noun} you mean");
        let hint = format!("give its whole digest with --digest, after reading {read_first}");
        return Err(Failure::new(exit::USAGE, message).hint(hint));
    }
    show()?;
    output.say(&format!("\nto {verb} it, type the first {DIGITS} digits of its digest: "));
    let mut typed = String::new();
    io::stdin().lock().read_line(&mut typed).map_err(|e| Failure::of(exit::ERROR, &e))?;
    if whole.get(..DIGITS) == Some(typed.trim()) {
        return Ok(());
    }
    Err(Failure::new(exit::APPROVAL, "these are not the digits, so nothing was signed"))
}

/// Writes a statement with its signature to the one file that was named, or to two beside what it is about.
pub(super) fn write(
    signed: &Signed,
    beside: &Path,
    approver: &str,
    file: Option<&Path>,
) -> Result<PathBuf, Failure> {
    if let Some(file) = file {
        output::replace(file, &signed.as_one())?;
        return Ok(file.to_owned());
    }
    let named = |ending: &str| {
        let mut name = beside.as_os_str().to_owned();
        name.push(format!(".{}.{}", approver.replace('/', "_"), ending));
        PathBuf::from(name)
    };
    let text = named("statement");
    // The signature first: a statement without one is found by nobody.
    output::replace(&named("statement.sig"), &signed.signature)?;
    output::replace(&text, &signed.statement)?;
    Ok(text)
}
