//! What an error of a session means: a reason for not knowing, and whether the session can go on.

use std::error::Error as _;

use tokio_postgres::Error;
use tokio_postgres::error::{DbError, Severity};

use crate::model::display::one_line;
use crate::model::{Reason, Unknown};

const MESSAGE_WIDTH_MAX: usize = 300;

/// Does this error end the session? Then every later question is unanswered as well.
pub(super) fn ends_session(error: &Error) -> bool {
    match error.as_db_error() {
        Some(db) => {
            matches!(db.parsed_severity(), Some(Severity::Fatal | Severity::Panic))
                || error.is_closed()
        }
        // An answer that we cannot decode leaves the rest of the conversation in doubt.
        None => true,
    }
}

/// Why there is no answer.
#[must_use]
pub fn unknown(error: &Error) -> Unknown {
    let Some(db) = error.as_db_error() else {
        let cause = error.source().map(|source| format!(": {source}")).unwrap_or_default();
        let text = one_line(&format!("{error}{cause}"), MESSAGE_WIDTH_MAX);
        return Unknown::new(Reason::Unreachable, format!("the connection failed: {text}"));
    };
    let reason = reason(db);
    let hint = match db.code().code() {
        "55P03" => ", a lock is held: behind a migration?",
        "57014" => ", cancelled",
        "40001" => ", the standby replayed a change of what was being read",
        _ => "",
    };
    let message = one_line(db.message(), MESSAGE_WIDTH_MAX);
    Unknown::new(reason, format!("SQLSTATE {}{hint}: {message}", db.code().code()))
}

fn reason(db: &DbError) -> Reason {
    match db.code().code() {
        // The message depends on the server's language, the name of the routine does not.
        "42501" if db.routine() == Some("check_enable_rls") => Reason::RowSecurity,
        "42501" | "28000" | "28P01" => Reason::PermissionDenied,
        "55P03" => Reason::Locked,
        "57014" | "25P03" | "57P05" => Reason::Deadline,
        "3D000" | "53300" => Reason::Unreachable,
        // 08P01 is what a parameter without a value in a query gets; the connection is sound.
        "08P01" => Reason::QueryFailed,
        code if code.starts_with("08") || code.starts_with("57P") => Reason::Unreachable,
        _ => Reason::QueryFailed,
    }
}
