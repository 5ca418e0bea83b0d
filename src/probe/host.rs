//! The file system of the managed host, read through descriptors beneath one root.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::config::Policy;
use crate::model::{Reason, Unknown};

/// A reader of one host.
#[derive(Debug)]
pub struct Host {
    root: std::path::PathBuf,
    policy: Policy,
}

/// What stands at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileType {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A named pipe.
    Fifo,
    /// A unix socket.
    Socket,
    /// A block device.
    BlockDevice,
    /// A character device.
    CharDevice,
}

/// Attributes of what stands at a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stat {
    /// What it is.
    pub file_type: FileType,
    /// The 12 permission bits.
    pub mode: crate::model::Mode,
    /// The owner's number.
    pub uid: u32,
    /// The group's number.
    pub gid: u32,
    /// Bytes.
    pub size: u64,
}

/// May links be followed on the way to a path? Never at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Links {
    /// A link in the middle of the path is Unknown (`symlink_on_path`).
    #[default]
    Refuse,
    /// Links on the way are followed, beneath the root; where they lead must be allowed as well.
    Through,
}

impl Host {
    /// Opens the root.
    ///
    /// # Errors
    /// When it is no directory that can be opened.
    pub fn open(root: &Path, policy: Policy) -> io::Result<Self> {
        Ok(Self { root: std::fs::canonicalize(root)?, policy })
    }

    /// The attributes of what stands at an absolute path, links not followed; `None` when nothing does.
    pub fn stat(&self, path: &Path, links: Links) -> Result<Option<Stat>, Unknown> {
        use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
        let Some(real) = self.real(path, links)? else { return Ok(None) };
        let data = match std::fs::symlink_metadata(&real) {
            Ok(data) => data,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(path, &error)),
        };
        let kind = data.file_type();
        let file_type = match () {
            () if kind.is_file() => FileType::File,
            () if kind.is_dir() => FileType::Directory,
            () if kind.is_symlink() => FileType::Symlink,
            () if kind.is_fifo() => FileType::Fifo,
            () if kind.is_socket() => FileType::Socket,
            () if kind.is_block_device() => FileType::BlockDevice,
            () => FileType::CharDevice,
        };
        let mode = crate::model::Mode::from_bits(data.mode());
        Ok(Some(Stat { file_type, mode, uid: data.uid(), gid: data.gid(), size: data.len() }))
    }

    /// The whole content of a regular file of at most `bytes_max` bytes; `None` when nothing stands there.
    pub fn read(
        &self,
        path: &Path,
        links: Links,
        bytes_max: u64,
    ) -> Result<Option<(Stat, Vec<u8>)>, Unknown> {
        let Some(stat) = self.stat(path, links)? else { return Ok(None) };
        if stat.file_type != FileType::File {
            return Err(Unknown::new(Reason::NotSupported, "no regular file"));
        }
        if stat.size > bytes_max {
            let detail = format!("`{}` is larger than {bytes_max} bytes", path.display());
            return Err(Unknown::new(Reason::TooLarge, detail));
        }
        let Some(real) = self.real(path, links)? else { return Ok(None) };
        std::fs::read(real).map(|bytes| Some((stat, bytes))).map_err(|e| failed(path, &e))
    }

    /// Where a directory really lies, for a library that opens it by its path.
    pub(in crate::probe) fn real_directory(
        &self,
        path: &Path,
        links: Links,
    ) -> Result<std::path::PathBuf, Unknown> {
        let is_directory =
            self.stat(path, links)?.is_some_and(|s| s.file_type == FileType::Directory);
        match self.real(path, links)? {
            Some(real) if is_directory => std::fs::canonicalize(real).map_err(|e| failed(path, &e)),
            _ => Err(Unknown::new(Reason::NotSupported, "no directory")),
        }
    }

    fn real(&self, path: &Path, links: Links) -> Result<Option<std::path::PathBuf>, Unknown> {
        if self.policy.access(path) != crate::config::Access::Allowed {
            return Err(Unknown::new(Reason::NotAllowed, path.display().to_string()));
        }
        let real = self.root.join(path.strip_prefix("/").unwrap_or(path));
        for parent in real.ancestors().skip(1).take_while(|p| p.starts_with(&self.root)) {
            match std::fs::symlink_metadata(parent) {
                Ok(data) if data.is_symlink() && links == Links::Refuse => {
                    let detail = parent.display().to_string();
                    return Err(Unknown::new(Reason::SymlinkOnPath, detail));
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                _ => {}
            }
        }
        Ok(Some(real))
    }

    /// May content of this file be shown in clear?
    #[must_use]
    pub fn shows_content(&self, path: &Path) -> bool {
        self.policy.shows_content(path)
    }

    /// The name of a user of this host; its number as text where it has none.
    #[must_use]
    pub fn user_name(&self, uid: u32) -> String {
        uid.to_string()
    }

    /// The name of a group of this host; its number as text where it has none.
    #[must_use]
    pub fn group_name(&self, gid: u32) -> String {
        gid.to_string()
    }
}

fn failed(path: &Path, error: &io::Error) -> Unknown {
    Unknown::new(Reason::IoError, format!("`{}`: {error}", path.display()))
}
