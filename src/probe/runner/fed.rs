//! Starts a program that the host's configuration names to bring something somewhere, and hands it on its standard input.

use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::{RunError, SEARCH_PATH, attend};
use crate::model::display::one_line;
use crate::probe::deeds;

/// So much is quoted of what a program complained about, in characters.
const COMPLAINT_MAX: usize = 200;

/// Runs a program with `input` as its standard input. No shell, an environment of nothing but a path and a language, a process
/// group of its own, a deadline.
///
/// # Errors
/// When it cannot be started, does not end in time, or does not end with 0: in a sentence.
pub fn feed(words: &[String], input: Vec<u8>, deadline: Duration) -> Result<(), String> {
    let Some((program, arguments)) = words.split_first() else {
        return Err("there is no program".to_owned());
    };
    let mut child = command(program, arguments).spawn().map_err(|source| {
        let error = RunError::Start { program: program.clone(), source };
        error.unknown().detail
    })?;
    deeds::started(program);
    if let Some(mut stdin) = child.stdin.take() {
        // A program that reads nothing must not hold up whoever feeds it. What it made of the input is its exit code's to say.
        std::thread::spawn(move || drop(stdin.write_all(&input)));
    }
    let output = attend(program, child, deadline).map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    let complaint = one_line(complaint.trim(), COMPLAINT_MAX);
    Err(format!("`{program}` ended with {}: {complaint}", output.status))
}

#[expect(clippy::disallowed_methods, reason = "the runner is where programs are started")]
fn command(program: &str, arguments: &[String]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).current_dir("/").env_clear();
    command.env("PATH", SEARCH_PATH).env("LC_ALL", "C.UTF-8");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(script: &str, input: usize, deadline: Duration) -> Result<(), String> {
        let words = ["/bin/sh", "-c", script].map(str::to_owned);
        feed(&words, vec![b'x'; input], deadline)
    }

    #[test]
    fn a_program_gets_all_of_it_and_nothing_else() {
        let long = Duration::from_secs(20);
        run("test $(wc -c) = 1000000", 1_000_000, long).expect("all of it");
        run("test -z \"$HOME$CARGO_MANIFEST_DIR\" && test \"$(pwd)\" = /", 0, long).expect("bare");
        // One that reads nothing is no failure of ours.
        run("exit 0", 10_000_000, long).expect("it says that it is done");
    }

    #[test]
    fn what_fails_says_so() {
        let long = Duration::from_secs(20);
        let said = run("echo 'no\u{1b}[2J route' >&2; exit 3", 1, long).expect_err("3");
        assert!(said.contains("exit status: 3") && said.contains("route"), "{said}");
        assert!(!said.contains('\u{1b}'), "{said}");
        let said = run("sleep 600", 1, Duration::from_millis(20)).expect_err("a deadline");
        assert!(said.contains("did not end"), "{said}");
        assert!(feed(&["/no/such".to_owned()], Vec::new(), long).is_err());
        assert!(feed(&[], Vec::new(), long).is_err());
    }
}
