//! The configuration of verbs that change something: one file alone, and nobody else could have written it.
//!
//! What merely looks may be told by flags and environment what to look at. What changes a machine takes every setting from
//! `config.toml` and the two files beside it, opened without following a link, below folders that only root, or for a sandbox
//! the user who runs this, can write.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, OFlags, Stat, fstat, openat};
use rustix::io::Errno;

use super::load::{FILE_BYTES_MAX, parse};
use super::{Config, ConfigError, DEFAULT_PATH, Origin, Overrides, Switch, Trust, switch, trust};
use crate::model::document;

/// Group and others may not write.
const WRITABLE: u32 = 0o022;
/// In such a folder nobody can rename or remove what belongs to somebody else.
const STICKY: u32 = 0o1000;

/// Loads the configuration for `apply`, `prove`, `halt` and whatever else changes something.
///
/// # Errors
/// When a flag or the environment tries to set something, when anybody else could have written the file, and as
/// [`super::load`] does.
pub fn load(overrides: &Overrides) -> Result<Config, ConfigError> {
    refuse(overrides)?;
    let path = overrides.config.as_ref().map_or(Path::new(DEFAULT_PATH), |(path, _)| path);
    let path = std::path::absolute(path)
        .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
    let me = rustix::process::geteuid().as_raw();
    let (text, owner) = read(&path, &Owners(vec![0, me]))?;
    let config = parse(&path, text, owner)?;
    folder(&config.data.value, &Owners(vec![0, owner]))?;
    Ok(config)
}

/// The trust file beside the configuration.
///
/// # Errors
/// When it is missing, cannot be trusted, or is not valid.
pub fn trust(config: &Config) -> Result<Trust, ConfigError> {
    let (path, text) = beside(config, trust::FILE_NAME)?;
    Trust::parse(&path, text)
}

/// The switch file beside the configuration, as it is now.
///
/// # Errors
/// When it is missing, cannot be trusted, or is not valid. Nothing is armed then.
pub fn switch(config: &Config) -> Result<Switch, ConfigError> {
    let (path, text) = beside(config, switch::FILE_NAME)?;
    Switch::parse(&path, text)
}

/// Whom the configuration belongs to: root, or the user of a sandbox.
///
/// # Errors
/// When there is no file, or it cannot be trusted.
pub fn owner(config: &Config) -> Result<u32, ConfigError> {
    let path = file_of(config)?;
    let me = rustix::process::geteuid().as_raw();
    Ok(read(&path, &Owners(vec![0, me]))?.1)
}

fn beside(config: &Config, name: &str) -> Result<(PathBuf, String), ConfigError> {
    let file = file_of(config)?;
    let path = file.with_file_name(name);
    let owners = Owners(vec![0, owner(config)?]);
    let (text, _) = read(&path, &owners)?;
    Ok((path, text))
}

fn file_of(config: &Config) -> Result<PathBuf, ConfigError> {
    let path = config.file.as_deref().unwrap_or(Path::new(DEFAULT_PATH));
    std::path::absolute(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })
}

/// Flags and environment set nothing here. `--config` may name another file, which has to be as trustworthy.
fn refuse(overrides: &Overrides) -> Result<(), ConfigError> {
    let Overrides { config, desired, revision, host, root, data, replay: _ } = overrides;
    let named = config.iter().map(|(_, origin)| *origin);
    let named = named.filter(|origin| matches!(origin, Origin::Environment(_)));
    let texts = [desired, revision, host].into_iter().flatten().map(|(_, origin)| *origin);
    let paths = [root, data].into_iter().flatten().map(|(_, origin)| *origin);
    match named.chain(texts).chain(paths).next() {
        Some(origin) => Err(ConfigError::Overridden { origin }),
        None => Ok(()),
    }
}

/// Who may own and write what is trusted.
struct Owners(Vec<u32>);

impl Owners {
    /// Why a file or folder cannot be trusted.
    fn fault(&self, stat: &Stat) -> Option<String> {
        let (owner, mode) = (stat.st_uid, stat.st_mode & 0o7777);
        let folder = FileType::from_raw_mode(stat.st_mode).is_dir();
        if !self.0.contains(&owner) {
            return Some(format!("it belongs to user {owner}"));
        }
        let lent = mode & WRITABLE != 0 && !(folder && mode & STICKY != 0);
        lent.then(|| format!("its mode {mode:04o} lets others write"))
    }
}

fn insecure(path: &Path, reason: impl Into<String>) -> ConfigError {
    ConfigError::Insecure { path: path.to_owned(), reason: reason.into() }
}

/// Reads a file through the folders above it, each held while the next is opened, so that what was checked is what is read.
fn read(path: &Path, owners: &Owners) -> Result<(String, u32), ConfigError> {
    let failed = |errno: Errno| ConfigError::Read { path: path.to_owned(), source: errno.into() };
    let (Some(above), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(insecure(path, "it names no file"));
    };
    let Some(folder) = descend(above, owners)? else { return Err(failed(Errno::NOENT)) };
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = openat(&folder, name, flags, Mode::empty()).map_err(|errno| match errno {
        Errno::LOOP => insecure(path, "it is a symbolic link"),
        errno => failed(errno),
    })?;
    let stat = fstat(&file).map_err(failed)?;
    if !FileType::from_raw_mode(stat.st_mode).is_file() {
        return Err(insecure(path, "it is not a regular file"));
    }
    if let Some(fault) = owners.fault(&stat) {
        return Err(insecure(path, format!("{fault}; run `chown root` and `chmod go-w` on it")));
    }
    let mut bytes = Vec::new();
    File::from(file)
        .take(FILE_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(insecure(path, format!("it is larger than {FILE_BYTES_MAX} bytes")));
    }
    let text = String::from_utf8(bytes).map_err(|error| ConfigError::Invalid {
        path: path.to_owned(),
        text: String::from_utf8_lossy(error.as_bytes()).into_owned(),
        diagnostics: document::utf8(&path.display().to_string(), error.as_bytes())
            .err()
            .into_iter()
            .collect(),
    })?;
    Ok((text, stat.st_uid))
}

/// Makes sure that a folder, which need not be there yet, can only be changed by `owners`.
fn folder(path: &Path, owners: &Owners) -> Result<(), ConfigError> {
    let path = std::path::absolute(path)
        .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
    let Some(folder) = descend(&path, owners)? else { return Ok(()) };
    let stat = fstat(&folder)
        .map_err(|errno| ConfigError::Read { path: path.clone(), source: errno.into() })?;
    if stat.st_mode & WRITABLE != 0 {
        return Err(insecure(&path, "others may write in it; run `chmod go-w` on it"));
    }
    Ok(())
}

/// Opens a folder step by step from `/`, and looks at each one on the way. `None` where one of them is not there.
fn descend(path: &Path, owners: &Owners) -> Result<Option<OwnedFd>, ConfigError> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut at = PathBuf::from("/");
    let mut held = step(CWD, OsStr::new("/"), flags, &at)?;
    for part in path.components() {
        let name = match part {
            Component::RootDir => OsStr::new("."),
            Component::Normal(name) => name,
            _ => return Err(insecure(path, "write the path without `..`")),
        };
        if let Some(folder) = held.as_ref()
            && part != Component::RootDir
        {
            at.push(name);
            held = step(folder, name, flags, &at)?;
        }
        let Some(folder) = &held else { return Ok(None) };
        let stat =
            fstat(folder).map_err(|e| ConfigError::Read { path: at.clone(), source: e.into() })?;
        let kind = FileType::from_raw_mode(stat.st_mode);
        if kind == FileType::Symlink {
            let why = "it is a symbolic link, and whoever can change it would choose the file";
            return Err(insecure(&at, why));
        }
        if !kind.is_dir() {
            return Err(insecure(&at, "it is no folder"));
        }
        if let Some(fault) = owners.fault(&stat) {
            return Err(insecure(&at, format!("{fault}, so they could replace what is in it")));
        }
    }
    Ok(held)
}

fn step(
    folder: impl std::os::fd::AsFd,
    name: &OsStr,
    flags: OFlags,
    at: &Path,
) -> Result<Option<OwnedFd>, ConfigError> {
    match openat(folder, name, flags, Mode::empty()) {
        Ok(opened) => Ok(Some(opened)),
        Err(Errno::NOENT) => Ok(None),
        Err(errno) => Err(ConfigError::Read { path: at.to_owned(), source: errno.into() }),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    /// A folder that only its owner can write, with the three files.
    fn laid_out() -> (tempfile::TempDir, Overrides) {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| {
            fs::write(folder.path().join(name), text).expect("written");
            mode(&folder.path().join(name), 0o644);
        };
        write("config.toml", "host = \"a\"\ndata = \"data\"\n");
        write("trust.toml", "version = 1\n");
        write("switch.toml", "version = 1\napply = true\n");
        let config = Some((folder.path().join("config.toml"), Origin::Flag("--config")));
        (folder, Overrides { config, ..Overrides::default() })
    }

    fn mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("changed");
    }

    fn refused<T>(result: Result<T, ConfigError>) -> String {
        match result {
            Ok(_) => panic!("it was taken"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn three_files_that_only_their_owner_can_write_are_taken() {
        let (_folder, overrides) = laid_out();
        let config = load(&overrides).expect("a configuration");
        assert!(switch(&config).expect("a switch").apply);
        assert!(trust(&config).expect("a trust file").approvers.is_empty());
        assert_eq!(owner(&config).expect("an owner"), rustix::process::geteuid().as_raw());
    }

    #[test]
    fn a_file_that_others_can_write_is_refused() {
        let (folder, overrides) = laid_out();
        for bits in [0o664, 0o646, 0o666] {
            mode(&folder.path().join("config.toml"), bits);
            assert!(refused(load(&overrides)).contains("lets others write"), "{bits:o}");
        }
        mode(&folder.path().join("config.toml"), 0o600);
        let config = load(&overrides).expect("a configuration");
        for (name, bits) in [("trust.toml", 0o664), ("switch.toml", 0o646)] {
            mode(&folder.path().join(name), bits);
        }
        assert!(refused(trust(&config)).contains("lets others write"));
        assert!(refused(switch(&config)).contains("lets others write"));
    }

    #[test]
    fn a_folder_above_that_others_can_write_is_refused() {
        let (folder, overrides) = laid_out();
        let config = load(&overrides).expect("a configuration");
        for bits in [0o775, 0o757] {
            mode(folder.path(), bits);
            assert!(refused(load(&overrides)).contains("could replace"), "{bits:o}");
            assert!(refused(trust(&config)).contains("could replace"), "{bits:o}");
            assert!(refused(switch(&config)).contains("could replace"), "{bits:o}");
        }
        // In a sticky folder nobody can replace what is somebody else's.
        mode(folder.path(), 0o1777);
        load(&overrides).expect("a configuration");
    }

    #[test]
    fn links_are_refused_wherever_they_stand() {
        let (folder, mut overrides) = laid_out();
        let real = folder.path().join("config.toml");
        symlink(&real, folder.path().join("link.toml")).expect("linked");
        symlink(folder.path(), folder.path().join("way")).expect("linked");
        for place in ["link.toml", "way/config.toml", "way/../config.toml"] {
            overrides.config = Some((folder.path().join(place), Origin::Flag("--config")));
            let why = refused(load(&overrides));
            assert!(why.contains("symbolic link") || why.contains("`..`"), "{why}");
        }
    }

    #[test]
    fn the_data_folder_is_held_to_the_same() {
        let (folder, overrides) = laid_out();
        let data = folder.path().join("data");
        fs::create_dir(&data).expect("made");
        mode(&data, 0o755);
        load(&overrides).expect("a configuration");
        for bits in [0o775, 0o1777] {
            mode(&data, bits);
            assert!(refused(load(&overrides)).contains("write"), "{bits:o}");
        }
    }

    #[test]
    fn settings_by_flag_or_environment_are_refused() {
        let (folder, overrides) = laid_out();
        let flag = |name| Origin::Flag(name);
        let env = |name| Origin::Environment(name);
        let path = || folder.path().to_owned();
        for (tried, name) in [
            (Overrides { data: Some((path(), flag("--data"))), ..overrides.clone() }, "--data"),
            (Overrides { root: Some((path(), env("R"))), ..overrides.clone() }, "R"),
            (Overrides { desired: Some(("x".into(), env("D"))), ..overrides.clone() }, "D"),
            (
                Overrides { revision: Some(("x".into(), flag("--rev"))), ..overrides.clone() },
                "--rev",
            ),
            (Overrides { host: Some(("x".into(), flag("--host"))), ..overrides.clone() }, "--host"),
            (Overrides { config: Some((path(), env("C"))), ..overrides.clone() }, "C"),
        ] {
            assert!(refused(load(&tried)).contains(name), "{name}");
        }
    }

    #[test]
    fn what_is_missing_is_refused() {
        let (folder, overrides) = laid_out();
        let config = load(&overrides).expect("a configuration");
        fs::remove_file(folder.path().join("trust.toml")).expect("removed");
        fs::remove_file(folder.path().join("switch.toml")).expect("removed");
        assert!(refused(trust(&config)).contains("cannot read"));
        assert!(refused(switch(&config)).contains("cannot read"));
        fs::remove_file(folder.path().join("config.toml")).expect("removed");
        assert!(refused(load(&overrides)).contains("cannot read"));
    }

    #[test]
    fn somebody_elses_file_is_refused() {
        let me = rustix::process::geteuid().as_raw();
        let (folder, _overrides) = laid_out();
        let stat = rustix::fs::stat(folder.path().join("config.toml")).expect("there");
        assert_eq!(Owners(vec![0, me]).fault(&stat), None);
        let fault = Owners(vec![me + 1]).fault(&stat).expect("refused");
        assert!(fault.contains("belongs to"), "{fault}");
    }
}
