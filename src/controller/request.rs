//! What may be asked over the control socket: one line of JSON a connection, and one line back.

use serde::{Deserialize, Serialize};

use super::Status;
use crate::model::{Period, Timestamp};

/// The longest line that is read from whoever asks.
pub const REQUEST_BYTES_MAX: usize = 16 << 10;
/// The longest line that is read from the controller.
pub const ANSWER_BYTES_MAX: usize = 64 << 20;
/// The longest time for which looks may be suspended.
pub const SUSPENSION_MAX: Period = Period::from_seconds(30 * 86_400);

/// A request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// What is known.
    Status {
        /// Only once nothing is under way.
        wait: bool,
    },
    /// Look at everything, the source first.
    Reconcile {
        /// Answer once that is done.
        wait: bool,
    },
    /// Do not look for a while.
    Suspend {
        /// Why.
        reason: String,
        /// For how long, in seconds.
        seconds: u64,
    },
    /// Look again.
    Resume {},
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// What is known.
    Status {
        /// As of when it was asked.
        status: Box<Status>,
    },
    /// It will be done.
    Taken {
        /// The number of the request.
        request: u64,
        /// Until when, of a suspension.
        until: Option<Timestamp>,
    },
    /// It will not be done.
    Refused {
        /// Why.
        message: String,
    },
}

impl Request {
    /// Reads a line.
    ///
    /// # Errors
    /// What is wrong with it, for whoever sent it.
    pub fn parse(line: &[u8]) -> Result<Self, String> {
        if line.len() > REQUEST_BYTES_MAX {
            return Err(format!("a request has at most {REQUEST_BYTES_MAX} bytes"));
        }
        let request: Self =
            serde_json::from_slice(line).map_err(|e| format!("it is no request: {e}"))?;
        request.require()?;
        Ok(request)
    }

    /// Refuses what makes no sense.
    ///
    /// # Errors
    /// What is wrong with it, for whoever asks.
    pub fn require(&self) -> Result<(), String> {
        let Self::Suspend { reason, seconds } = self else { return Ok(()) };
        if reason.trim().is_empty() {
            return Err("say why, in a few words".to_owned());
        }
        if *seconds == 0 || *seconds > SUSPENSION_MAX.seconds() {
            return Err(format!(
                "looks are suspended for {SUSPENSION_MAX} at most, and for a second at least"
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_read_back() {
        let suspend = Request::Suspend { reason: "disk".to_owned(), seconds: 60 };
        for request in [suspend, Request::Resume {}, Request::Reconcile { wait: true }] {
            let line = serde_json::to_vec(&request).expect("JSON");
            assert_eq!(Request::parse(&line), Ok(request));
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_the_reason() {
        let long = format!("{{\"ask\":\"status\",\"wait\":true{}}}", " ".repeat(REQUEST_BYTES_MAX));
        for (line, why) in [
            ("", "no request"),
            ("{\"ask\":\"apply\"}", "unknown variant"),
            ("{\"ask\":\"status\",\"wait\":true,\"x\":1}", "unknown field"),
            ("{\"ask\":\"suspend\",\"reason\":\" \",\"seconds\":1}", "say why"),
            ("{\"ask\":\"suspend\",\"reason\":\"x\",\"seconds\":0}", "at most"),
            ("{\"ask\":\"suspend\",\"reason\":\"x\",\"seconds\":99999999}", "30 d at most"),
            (&long, "at most"),
        ] {
            let error = Request::parse(line.as_bytes()).expect_err(line);
            assert!(error.contains(why), "{error}");
        }
    }
}
