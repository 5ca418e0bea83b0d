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
/// Only a regular file is ever replaced: renaming over a device, a pipe or a link (`/dev/null`, `/dev/stdout`) would
/// destroy it for everybody. A file that is there keeps its mode, a new one gets what the umask leaves.
///
/// # Errors
/// When that fails or something else stands there; it is then as it was.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let failed = |error: io::Error| cannot_write(path, &error);
    let earlier = match std::fs::symlink_metadata(path) {
        Ok(there) if there.is_file() => Some(there.permissions()),
        Ok(_) => {
            let message = format!("cannot write {}: it is no regular file", path.display());
            return Err(Failure::new(exit::ERROR, message)
                .hint("name a file, or redirect standard output: `countersign … > PATH`"));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(failed(error)),
    };
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Asked first, so that an error names the folder's trouble and not a file that nobody named.
    folder.metadata().map_err(failed)?;
    let new: std::fs::Permissions = std::os::unix::fs::PermissionsExt::from_mode(0o666);
    let mut beside = tempfile::Builder::new();
    let beside = beside.prefix(".countersign-").permissions(new).tempfile_in(folder);
    let written = beside.and_then(|mut file| {
        file.write_all(bytes)?;
        if let Some(mode) = earlier {
            file.as_file().set_permissions(mode)?;
        }
        file.as_file().sync_all()?;
        file.persist(path).map_err(io::Error::from)
    });
    written.map(drop).map_err(failed)
}

/// Puts a file below a folder that an operator named, making the folders on the way; no link is followed below it.
///
/// # Errors
/// When that fails, or a link or something else than a folder stands in the way.
#[expect(clippy::disallowed_methods, reason = "makes folders where the operator asked for files")]
pub fn place(folder: &Path, relative: &Path, bytes: &[u8]) -> Result<(), Failure> {
    std::fs::create_dir_all(folder).map_err(|error| cannot_write(folder, &error))?;
    let mut at = folder.to_owned();
    for part in relative.parent().into_iter().flat_map(Path::components) {
        at.push(part);
        match std::fs::symlink_metadata(&at) {
            Ok(there) if there.is_dir() => {}
            Ok(_) => {
                let message = format!("cannot write below {}: it is no folder", at.display());
                return Err(Failure::new(exit::ERROR, message));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                std::fs::create_dir(&at).map_err(|error| cannot_write(&at, &error))?;
            }
            Err(error) => return Err(cannot_write(&at, &error)),
        }
    }
    replace(&folder.join(relative), bytes)
}

fn cannot_write(path: &Path, error: &io::Error) -> Failure {
    Failure::new(exit::ERROR, format!("cannot write {}: {error}", path.display()))
}

/// Is somebody watching standard error?
#[must_use]
pub fn watched() -> bool {
    io::stderr().is_terminal() && std::env::var_os("CI").is_none()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _, symlink};

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).expect("there").permissions().mode() & 0o777
    }

    #[test]
    fn only_regular_files_are_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        fs::write(at("kept"), "kept").expect("written");
        symlink("kept", at("link")).expect("linked");
        let fifo = rustix::fs::FileType::Fifo;
        let bits = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(rustix::fs::CWD, at("fifo"), fifo, bits, 0).expect("a pipe");
        fs::create_dir(at("folder")).expect("made");
        for name in ["link", "fifo", "folder"] {
            let failure = replace(&at(name), b"new").expect_err(name);
            assert!(failure.message.ends_with("it is no regular file"), "{}", failure.message);
        }
        let type_of = |name| fs::symlink_metadata(at(name)).expect("there").file_type();
        assert!(type_of("link").is_symlink() && type_of("fifo").is_fifo());
        assert_eq!(fs::read(at("kept")).expect("read"), b"kept");
        assert_eq!(fs::read_dir(folder.path()).expect("listed").count(), 4, "nothing is left over");
    }

    #[test]
    fn a_file_that_is_there_keeps_its_mode() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("report");
        replace(&path, b"one").expect("written");
        assert_eq!(mode(&path) & 0o111, 0, "never executable");
        for bits in [0o600, 0o640] {
            fs::set_permissions(&path, fs::Permissions::from_mode(bits)).expect("changed");
            replace(&path, b"two").expect("written");
            assert_eq!((mode(&path), fs::read(&path).expect("read")), (bits, b"two".to_vec()));
        }
    }
}
