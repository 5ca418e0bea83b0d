//! The file system of the managed host, read through descriptors beneath one root.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::config::Policy;
use crate::model::Unknown;

/// A reader of one host.
#[derive(Debug)]
pub struct Host {
    #[expect(dead_code, reason = "skeleton")]
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
    pub fn open(_root: &Path, policy: Policy) -> io::Result<Self> {
        Ok(Self { policy })
    }

    /// The attributes of what stands at an absolute path, links not followed; `None` when nothing does.
    pub fn stat(&self, _path: &Path, _links: Links) -> Result<Option<Stat>, Unknown> {
        Ok(None)
    }

    /// The whole content of a regular file of at most `bytes_max` bytes; `None` when nothing stands there.
    pub fn read(
        &self,
        _path: &Path,
        _links: Links,
        _bytes_max: u64,
    ) -> Result<Option<(Stat, Vec<u8>)>, Unknown> {
        Ok(None)
    }

    /// May content of this file be shown in clear?
    #[must_use]
    pub fn shows_content(&self, _path: &Path) -> bool {
        false
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

    /// The host's name.
    pub fn hostname(&self) -> Result<String, Unknown> {
        Ok(String::new())
    }

    /// The host's machine id.
    pub fn machine_id(&self) -> Result<String, Unknown> {
        Ok(String::new())
    }
}
