//! `silent`: nothing at all, for those whom the exit code tells enough.

use std::io::{self, Write};

use super::{Detail, Report};

#[expect(clippy::unnecessary_wraps, reason = "a format like the others")]
pub(super) fn write(_: &Report, _: Detail, _: &mut dyn Write) -> io::Result<()> {
    Ok(())
}
