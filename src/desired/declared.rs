//! Statements that desired state itself declares for a resource of a database: what mends it, and what takes that back.

use super::resource::Common;
use super::tree::Beside;
use crate::kinds::{Entry, Files as _, Problem};
use crate::model::Code;
use crate::model::sql::check_statement;

/// What `remedy` and `undo` name, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declared {
    /// The one statement that makes the resource what is wanted.
    pub text: String,
    /// The one statement that takes it back; `None` where nothing does.
    pub undo: Option<String>,
}

impl Declared {
    /// Reads the files that a table names.
    pub(super) fn read(
        common: &Common,
        kind: &Entry,
        files: &Beside<'_>,
        problems: &mut Vec<Problem>,
    ) -> Option<Self> {
        let Some(remedy) = &common.remedy else {
            if common.undo.is_some() {
                let message = "`undo` takes back what `remedy` does, and there is no `remedy`";
                problems.push(Problem::key("undo", Code::Contradiction, message));
            }
            return None;
        };
        if !kind.in_database() {
            let message =
                format!("`remedy` is a statement, and a {} stands in no database", kind.name());
            problems.push(Problem::key("remedy", Code::Contradiction, message));
            return None;
        }
        let text = statement("remedy", remedy, files, problems);
        let undo = common.undo.as_ref().map(|undo| statement("undo", undo, files, problems));
        let undo = match undo {
            Some(undo) => Some(undo?),
            None => None,
        };
        Some(Self { text: text?, undo })
    }
}

/// The statement in a file.
fn statement(
    key: &str,
    path: &str,
    files: &Beside<'_>,
    problems: &mut Vec<Problem>,
) -> Option<String> {
    let wrong = |message: String| Problem::key(key, Code::WrongType, message);
    let missing = |message: String| Problem::key(key, Code::Reference, message);
    let read = files.read(path).map_err(missing).and_then(|bytes| {
        let text = std::str::from_utf8(&bytes);
        let text = text.map_err(|_| wrong(format!("`{path}` is no UTF-8")))?.to_owned();
        check_statement(&text).map_err(|why| wrong(format!("`{path}`: {why}")))?;
        Ok(text)
    });
    read.map_err(|problem| problems.push(problem)).ok()
}
