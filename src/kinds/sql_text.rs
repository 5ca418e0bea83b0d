//! SQL of desired state: written in the table itself, or in a file that it names.

use super::{Files, Problem};
use crate::model::Code;

/// The two keys of a text, as in `sql` and `sql_file`, and the most bytes that it may have.
#[derive(Debug, Clone, Copy)]
pub(super) struct Keys {
    pub(super) inline: &'static str,
    pub(super) file: &'static str,
    pub(super) bytes_max: usize,
}

impl Keys {
    /// A query.
    pub(super) const QUERY: Self = Self { inline: "sql", file: "sql_file", bytes_max: 64 << 10 };

    /// The text; `None` where neither key is set.
    pub(super) fn read(
        self,
        inline: Option<&String>,
        file: Option<&String>,
        files: &dyn Files,
    ) -> Result<Option<String>, Problem> {
        let (key, text) = match (inline, file) {
            (None, None) => return Ok(None),
            (Some(text), None) => (self.inline, text.clone()),
            (None, Some(path)) => {
                let problem = |code, why: String| Problem::key(self.file, code, why);
                let bytes = files.read(path).map_err(|why| problem(Code::MissingFile, why))?;
                let text = std::str::from_utf8(&bytes);
                let text = text.map_err(|e| problem(Code::Encoding, e.to_string()))?;
                (self.file, text.to_owned())
            }
            (Some(_), Some(_)) => {
                let message = format!("`{}` cannot stand beside `{}`", self.file, self.inline);
                return Err(Problem::key(self.file, Code::Contradiction, message));
            }
        };
        if text.len() > self.bytes_max {
            let message = format!("the text has {} bytes, at most {}", text.len(), self.bytes_max);
            return Err(Problem::key(key, Code::Limit, message));
        }
        if text.trim().is_empty() || text.contains('\0') {
            let message = "the text is empty, or holds a zero byte";
            return Err(Problem::key(key, Code::Empty, message));
        }
        Ok(Some(text))
    }
}
