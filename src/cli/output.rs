//! Where results go: standard output, or a file that appears whole or not at all. One of the rooms that write.

use std::io::{self, IsTerminal as _, Write};
use std::path::{Path, PathBuf};

use super::error::Failure;
use super::exit;

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Color {
    const fn choice(self) -> anstream::ColorChoice {
        match self {
            Self::Auto => anstream::ColorChoice::Auto,
            Self::Always => anstream::ColorChoice::AlwaysAnsi,
            Self::Never => anstream::ColorChoice::Never,
        }
    }
}

/// Where a verb puts what it found.
#[derive(Debug, Clone, Default)]
pub struct Output {
    /// A file, instead of standard output.
    pub file: Option<PathBuf>,
    /// When to use colours.
    pub color: Color,
}

impl Output {
    /// Writes a result: `write` gets a stream that takes styled text.
    ///
    /// # Errors
    /// When it cannot be written. A reader that went away (`| head`) is none.
    pub fn write(
        &self,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), Failure> {
        if let Some(path) = &self.file {
            let mut plain = anstream::StripStream::new(Vec::new());
            write(&mut plain).map_err(|e| Failure::of(exit::ERROR, &e))?;
            return replace(path, &plain.into_inner());
        }
        let stdout = anstream::AutoStream::new(io::stdout(), self.color.choice());
        let mut buffered = io::BufWriter::new(stdout);
        match write(&mut buffered).and_then(|()| buffered.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other.map_err(|e| Failure::of(exit::ERROR, &e)),
        }
    }

    /// Says something beside the result, on standard error.
    pub fn say(&self, styled: &str) {
        let mut stderr = anstream::AutoStream::new(io::stderr(), self.color.choice());
        // Nobody is left to tell when standard error is gone.
        let _ = stderr.write_all(styled.as_bytes()).and_then(|()| stderr.flush());
    }
}

/// Puts `bytes` in the place of a file: written beside it, synced, then renamed over it.
///
/// # Errors
/// When that fails; the file is then as it was.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let write = || {
        // Asked first, so that an error names the folder's trouble and not a file that nobody named.
        folder.metadata()?;
        let mut file = tempfile::Builder::new().prefix(".countersign-").tempfile_in(folder)?;
        file.write_all(bytes)?;
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        file.as_file().set_permissions(mode)?;
        file.as_file().sync_all()?;
        file.persist(path).map(drop).map_err(io::Error::from)
    };
    let failed = |error: io::Error| {
        Failure::new(exit::ERROR, format!("cannot write {}: {error}", path.display()))
    };
    write().map_err(failed)
}

/// Is somebody watching standard error?
#[must_use]
pub fn watched() -> bool {
    io::stderr().is_terminal() && std::env::var_os("CI").is_none()
}

/// How wide a finding may be drawn.
#[must_use]
pub fn width() -> usize {
    std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok()).unwrap_or(140)
}
