//! Where results go: standard output, or files that appear whole or not at all. One of the rooms that write.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::{self, IsTerminal as _, Write};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, AtFlags, CWD};

use super::error::Failure;
use super::exit;
use crate::model::display::escape;
use crate::model::shown_path;

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

/// One form of a result, and where it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The name of the format.
    pub format: String,
    /// A file, instead of standard output.
    pub file: Option<PathBuf>,
}

/// Where a verb puts what it found.
#[derive(Debug, Clone)]
pub struct Output {
    /// Every form that was asked for; at least one, and at most one of them on standard output.
    pub targets: Vec<Target>,
    /// When to use colours.
    pub color: Color,
}

impl Target {
    /// What `--output FORMAT[=FILE]` and `-o FILE` ask for together.
    ///
    /// # Errors
    /// When they contradict each other.
    pub fn all(asked: &[OsString], file: Option<&Path>) -> Result<Vec<Self>, Failure> {
        let mut targets: Vec<Self> =
            asked.iter().map(|one| Self::of(one)).collect::<Result<_, _>>()?;
        let usage = |message: String| Failure::new(exit::USAGE, message);
        if let Some(file) = file {
            match targets.as_mut_slice() {
                [only] if only.file.is_none() => only.file = Some(file.to_owned()),
                _ => {
                    let message = "-o names the file of the only format".to_owned();
                    return Err(usage(message).hint("write --output FORMAT=FILE for each of them"));
                }
            }
        }
        let printed: Vec<&str> =
            targets.iter().filter(|t| t.file.is_none()).map(|t| t.format.as_str()).collect();
        if printed.len() > 1 {
            let message = format!("{} cannot share standard output", printed.join(" and "));
            return Err(usage(message).hint("write --output FORMAT=FILE for all but one of them"));
        }
        Ok(targets)
    }

    fn of(asked: &OsStr) -> Result<Self, Failure> {
        let bytes = asked.as_bytes();
        let end = bytes.iter().position(|byte| *byte == b'=').unwrap_or(bytes.len());
        let format = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let file = bytes.get(end + 1..).map(|path| PathBuf::from(OsStr::from_bytes(path)));
        if file.as_ref().is_some_and(|file| file.as_os_str().is_empty()) {
            let message = format!("`--output {}=` names no file", escape(&format));
            return Err(Failure::new(exit::USAGE, message));
        }
        Ok(Self { format, file })
    }
}

impl Output {
    /// Is `format` what the verb is to print? Of verbs that print one.
    #[must_use]
    pub fn is(&self, format: &str) -> bool {
        self.targets.first().is_some_and(|target| target.format == format)
    }

    /// What `-o` names, of verbs that write one form.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        self.targets.first().and_then(|target| target.file.as_deref())
    }

    /// The same on standard output, for a verb whose `-o` names something else than a file for its result.
    #[must_use]
    pub fn printed(&self) -> Self {
        let targets = self.targets.iter().cloned().map(|t| Target { file: None, ..t }).collect();
        Self { targets, color: self.color }
    }

    /// Makes sure that what will be written can be, as far as that can be told without changing anything: before a look
    /// that may take long, or that cannot be had again. `also`: what is written beside the results.
    ///
    /// # Errors
    /// The first file that could not be written, or that two results would share.
    pub fn ready(&self, also: Option<&Path>) -> Result<(), Failure> {
        let mut taken = BTreeMap::new();
        let files = self.targets.iter().filter_map(|target| target.file.as_deref());
        for file in files.chain(also) {
            let place = ready(file)?;
            if let Some(earlier) = taken.insert(place, file) {
                let (one, other) = (shown_path(earlier), shown_path(file));
                let message = format!("two results cannot go to one file: {one} and {other}");
                return Err(Failure::new(exit::USAGE, message));
            }
        }
        Ok(())
    }

    /// Writes the result of a verb that has one: `write` gets a stream that takes styled text.
    ///
    /// # Errors
    /// When it cannot be written. A reader that went away (`| head`) is none.
    pub fn write(
        &self,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), Failure> {
        self.write_to(self.file(), write)
    }

    /// The same to a file, or to standard output.
    ///
    /// # Errors
    /// As for [`Output::write`].
    pub fn write_to(
        &self,
        file: Option<&Path>,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), Failure> {
        if let Some(path) = file {
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
        say(styled, self.color);
    }
}

/// Says something on standard error.
pub fn say(styled: &str, color: Color) {
    let mut stderr = anstream::AutoStream::new(io::stderr(), color.choice());
    // Nobody is left to tell when standard error is gone.
    let _ = stderr.write_all(styled.as_bytes()).and_then(|()| stderr.flush());
}

/// Could a file be put there? Answers its folder, as it really is, and its name.
fn ready(path: &Path) -> Result<(PathBuf, OsString), Failure> {
    let failed = |error: io::Error| cannot(path, &error.to_string());
    earlier(path)?;
    let folder = std::fs::canonicalize(folder_of(path)).map_err(failed)?;
    if !folder.is_dir() {
        return Err(cannot(path, "what should be its folder is none"));
    }
    rustix::fs::accessat(CWD, &folder, Access::WRITE_OK | Access::EXEC_OK, AtFlags::EACCESS)
        .map_err(|errno| failed(errno.into()))?;
    let name = path.file_name().ok_or_else(|| cannot(path, "it names no file"))?;
    Ok((folder, name.to_owned()))
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn cannot(path: &Path, why: &str) -> Failure {
    Failure::new(exit::ERROR, format!("cannot write {}: {why}", shown_path(path)))
}

/// The mode of the file that stands there, if one does. Anything but a regular file is refused.
fn earlier(path: &Path) -> Result<Option<std::fs::Permissions>, Failure> {
    match std::fs::symlink_metadata(path) {
        // Not the bits that would lend the rights of whoever writes here.
        Ok(there) if there.is_file() => {
            Ok(Some(PermissionsExt::from_mode(there.permissions().mode() & 0o777)))
        }
        Ok(_) => Err(cannot(path, "it is no regular file")
            .hint("name a file, or redirect standard output: `countersign … > PATH`")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(cannot(path, &error.to_string())),
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
    let failed = |error: io::Error| cannot(path, &error.to_string());
    let (earlier, folder) = (earlier(path)?, folder_of(path));
    // Asked first, so that an error names the folder's trouble and not a file that nobody named.
    folder.metadata().map_err(failed)?;
    let new: std::fs::Permissions = PermissionsExt::from_mode(0o666);
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
    std::fs::create_dir_all(folder).map_err(|error| cannot(folder, &error.to_string()))?;
    let mut at = folder.to_owned();
    for part in relative.parent().into_iter().flat_map(Path::components) {
        at.push(part);
        match std::fs::symlink_metadata(&at) {
            Ok(there) if there.is_dir() => {}
            Ok(_) => {
                let message = format!("cannot write below {}: it is no folder", shown_path(&at));
                return Err(Failure::new(exit::ERROR, message));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                std::fs::create_dir(&at).map_err(|error| cannot(&at, &error.to_string()))?;
            }
            Err(error) => return Err(cannot(&at, &error.to_string())),
        }
    }
    replace(&folder.join(relative), bytes)
}

/// Is somebody watching standard error?
#[must_use]
pub fn watched() -> bool {
    io::stderr().is_terminal() && std::env::var_os("CI").is_none()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{FileTypeExt as _, symlink};

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).expect("there").permissions().mode() & 0o7777
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

    fn asked(outputs: &[&str], file: Option<&str>) -> Result<Vec<Target>, Failure> {
        let outputs: Vec<OsString> = outputs.iter().map(OsString::from).collect();
        Target::all(&outputs, file.map(Path::new))
    }

    #[test]
    fn every_form_has_a_place_of_its_own() {
        let places = |outputs, file| {
            let targets = asked(outputs, file).map_err(|failure| failure.message)?;
            let place = |t: Target| (t.format, t.file.map(|f| f.display().to_string()));
            Ok::<_, String>(targets.into_iter().map(place).collect::<Vec<_>>())
        };
        let to = |format: &str, file: &str| (format.to_owned(), Some(file.to_owned()));
        let out = |format: &str| (format.to_owned(), None);
        assert_eq!(places(&["json"], None), Ok(vec![out("json")]));
        assert_eq!(places(&["json"], Some("a")), Ok(vec![to("json", "a")]));
        assert_eq!(
            places(&["json=a=b", "text", "junit=c"], None),
            Ok(vec![to("json", "a=b"), out("text"), to("junit", "c")])
        );
        for (outputs, file, why) in [
            (&["json="][..], None, "names no file"),
            (&["json", "text"], None, "json and text cannot share standard output"),
            (&["json=a"], Some("b"), "-o names"),
            (&["json=a", "text"], Some("b"), "-o names"),
        ] {
            let failure = asked(outputs, file).expect_err(why);
            assert!(failure.message.contains(why), "{}", failure.message);
            assert_eq!(failure.code, exit::USAGE);
        }
    }

    #[test]
    fn a_place_is_tried_without_changing_anything() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        fs::write(at("file"), "kept").expect("written");
        let output = |files: &[&str]| {
            let target = |file: &&str| Target { format: "json".into(), file: Some(at(file)) };
            Output { targets: files.iter().map(target).collect(), color: Color::Never }
        };
        output(&["file", "new"]).ready(Some(&at("other"))).expect("all can be written");
        for (files, also, why) in [
            (&["none/x"][..], None, "No such file"),
            (&["file/x"], None, "Not a directory"),
            (&["."], None, "no regular file"),
            (&["x", "./x"], None, "two results"),
            (&["x"], Some("x"), "two results"),
            (&["x"], Some("none/x"), "No such file"),
        ] {
            let failure = output(files).ready(also.map(at).as_deref()).expect_err(why);
            assert!(failure.message.contains(why), "{}", failure.message);
        }
        assert_eq!(fs::read(at("file")).expect("read"), b"kept");
        assert_eq!(fs::read_dir(folder.path()).expect("listed").count(), 1);
    }

    #[test]
    fn a_file_that_is_there_keeps_its_mode() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("report");
        replace(&path, b"one").expect("written");
        assert_eq!(mode(&path) & 0o111, 0, "never executable");
        for (before, bits) in [(0o600, 0o600), (0o640, 0o640), (0o6750, 0o750)] {
            fs::set_permissions(&path, fs::Permissions::from_mode(before)).expect("changed");
            replace(&path, b"two").expect("written");
            assert_eq!((mode(&path), fs::read(&path).expect("read")), (bits, b"two".to_vec()));
        }
    }
}
