//! The patterns of `ignore`, compiled. Nothing else.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use super::Problem;
use crate::model::Code;

/// Longer patterns could nest braces deeper than the stack of whoever compiles them.
const PATTERN_BYTES_MAX: usize = 1000;

/// Compiles patterns in which `*` stays within one folder, and `**` does not.
pub(super) fn patterns(texts: &[String]) -> Result<GlobSet, Problem> {
    let wrong = |error: globset::Error| Problem::key("ignore", Code::WrongType, error.to_string());
    let mut set = GlobSetBuilder::new();
    for text in texts {
        if text.len() > PATTERN_BYTES_MAX {
            let message = format!("a pattern has more than {PATTERN_BYTES_MAX} bytes");
            return Err(Problem::key("ignore", Code::Limit, message));
        }
        let mut glob = GlobBuilder::new(text);
        set.add(glob.literal_separator(true).backslash_escape(true).build().map_err(wrong)?);
    }
    set.build().map_err(wrong)
}
