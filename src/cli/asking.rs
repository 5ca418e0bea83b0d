//! Asks the controller of this host over its socket; one line there, one line back.

use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use super::error::Failure;
use super::exit;
use crate::config::Config;
use crate::controller::request::ANSWER_BYTES_MAX;
use crate::controller::{Answer, Request, Status};
use crate::model::display::escape;
use crate::state::published;

/// How long an answer may take that waits for nothing.
const PATIENCE: Duration = Duration::from_secs(10);

/// Asks. `wait`: how long an answer may take that waits for looks; nobody answers at all: `None`.
pub(super) fn ask(
    config: &Config,
    request: &Request,
    wait: Option<Duration>,
) -> Result<Option<Answer>, Failure> {
    let path = published::socket(&config.data.value);
    let mut stream = match UnixStream::connect(&path) {
        Ok(stream) => stream,
        Err(error)
            if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) =>
        {
            return Ok(None);
        }
        Err(error) => return Err(failed(&path, &error)),
    };
    let answer = (|| {
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_read_timeout(Some(wait.unwrap_or(PATIENCE)))?;
        let mut line = serde_json::to_vec(request)?;
        line.push(b'\n');
        stream.write_all(&line)?;
        let mut answer = Vec::new();
        (&stream).take(ANSWER_BYTES_MAX as u64 + 1).read_to_end(&mut answer)?;
        if answer.len() > ANSWER_BYTES_MAX {
            let why = format!("its answer is larger than {ANSWER_BYTES_MAX} bytes");
            return Err(std::io::Error::other(why));
        }
        if answer.is_empty() {
            return Err(std::io::Error::other("the controller ended before it answered"));
        }
        Ok(serde_json::from_slice(&answer)?)
    })();
    match answer {
        Ok(Answer::Refused { message }) => Err(Failure::new(
            exit::REFUSED,
            format!("the controller refuses: {}", escape(&message)),
        )),
        Ok(answer) => Ok(Some(answer)),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
            let seconds = wait.unwrap_or(PATIENCE).as_secs();
            Err(Failure::new(exit::UNKNOWN, format!("no answer within {seconds} s"))
                .hint("`countersign status` says what holds it up; --timeout waits longer"))
        }
        Err(error) => Err(failed(&path, &error)),
    }
}

/// The same of a verb that needs a controller.
pub(super) fn demand(
    config: &Config,
    request: &Request,
    wait: Option<Duration>,
) -> Result<Answer, Failure> {
    ask(config, request, wait)?.ok_or_else(|| {
        let path = published::socket(&config.data.value);
        let message = format!("no controller answers at {}", escape(&path.display().to_string()));
        Failure::new(exit::ERROR, message)
            .hint("`countersign watch` is one; `countersign check` looks once without it")
    })
}

/// The status that a controller wrote last, whether it is alive or not.
pub(super) fn written(config: &Config) -> Result<Status, Failure> {
    let path = published::status(&config.data.value);
    let read = std::fs::File::open(&path).and_then(|file| {
        let mut bytes = Vec::new();
        file.take(published::STATUS_BYTES_MAX + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > published::STATUS_BYTES_MAX {
            let why = format!("it is larger than {} bytes", published::STATUS_BYTES_MAX);
            return Err(std::io::Error::other(why));
        }
        Ok(serde_json::from_slice(&bytes)?)
    });
    read.map_err(|error| {
        let path = escape(&path.display().to_string()).into_owned();
        Failure::new(
            exit::UNKNOWN,
            format!("nothing is known: no controller answers, and {path}: {error}"),
        )
        .hint("start `countersign watch`, or look once with `countersign check`")
    })
}

fn failed(path: &Path, error: &std::io::Error) -> Failure {
    let path = escape(&path.display().to_string()).into_owned();
    let failure =
        Failure::new(exit::ERROR, format!("cannot ask the controller at {path}: {error}"));
    match error.kind() {
        ErrorKind::PermissionDenied => {
            failure.hint("its group may ask: join the group of that socket, or run as its owner")
        }
        _ => failure,
    }
}
