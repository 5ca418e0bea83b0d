//! A repository opened by libgit2, or put before the `git` command where libgit2 does not open it.

use std::path::{Path, PathBuf};

use git2::{Config, ConfigLevel, ErrorCode, RepositoryOpenFlags};

use super::program::Program;
use super::{Host, Repository};
use crate::model::display::one_line;
use crate::model::{Reason, Unknown, shown_path};

/// Who answers for the objects of a repository.
#[derive(Debug)]
pub(super) enum Opened<'r> {
    /// libgit2, with the repository's own configuration and no other.
    Library(Box<Library>),
    /// The `git` command.
    Program(Program<'r>),
}

/// A repository of libgit2; a name of its own because it cannot print itself.
pub(super) struct Library(git2::Repository);

impl std::fmt::Debug for Library {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Library").field(&self.0.path()).finish()
    }
}

impl std::ops::Deref for Library {
    type Target = git2::Repository;
    fn deref(&self) -> &git2::Repository {
        &self.0
    }
}

impl Repository {
    /// Opens it. Both ways refuse what would lead elsewhere before anything is opened.
    pub(super) fn opened(&self, host: &Host) -> Result<Opened<'_>, Unknown> {
        self.stays_within(host)?;
        match self.by_library(host)? {
            Ok(library) => Ok(Opened::Library(Box::new(Library(library)))),
            Err(error) if error.code() == ErrorCode::Owner || self.has_extensions(host)? => {
                Program::of(self, host).map(Opened::Program)
            }
            Err(error) => Err(self.refused(&error)),
        }
    }

    /// The inner error is libgit2's about the repository as a whole.
    fn by_library(&self, host: &Host) -> Result<Result<git2::Repository, git2::Error>, Unknown> {
        let refused = |error: git2::Error| self.refused(&error);
        let folder = host.real_directory(&self.folder, self.links)?;
        let own = host.real_directory(&self.git_dir, self.links)?;
        let common = host.real_directory(&self.common_dir, self.links)?;
        let (flags, ceilings) = (RepositoryOpenFlags::NO_SEARCH, [] as [&Path; 0]);
        let repository = match git2::Repository::open_ext(&folder, flags, ceilings) {
            Ok(repository) => repository,
            Err(error) => return Ok(Err(error)),
        };
        // Its configuration may name another work tree, which the host may not allow to be read.
        let same = |found: Option<&Path>, wanted: &PathBuf| {
            found.and_then(|path| std::fs::canonicalize(path).ok()).as_ref() == Some(wanted)
        };
        let work_tree = if self.bare {
            repository.workdir().is_none()
        } else {
            same(repository.workdir(), &folder)
        };
        if !(work_tree
            && same(Some(repository.path()), &own)
            && same(Some(repository.commondir()), &common))
        {
            return Err(self.unsupported("its configuration moves the work tree elsewhere"));
        }
        let mut config = Config::new().map_err(refused)?;
        let files = [
            (common.join("config"), ConfigLevel::Local),
            (own.join("config.worktree"), ConfigLevel::Worktree),
        ];
        for (file, level) in files {
            if file.is_file() {
                config.add_file(&file, level, false).map_err(refused)?;
            }
        }
        self.names_nothing_elsewhere(&config)?;
        repository.set_config(&config).map_err(refused)?;
        Ok(Ok(repository))
    }

    pub(super) fn refused(&self, error: &git2::Error) -> Unknown {
        self.unsupported(&format!("libgit2 refuses it: {}", one_line(error.message(), 200)))
    }

    pub(super) fn unsupported(&self, what: &str) -> Unknown {
        Unknown::new(Reason::NotSupported, format!("`{}`: {what}", shown_path(&self.folder)))
    }
}
