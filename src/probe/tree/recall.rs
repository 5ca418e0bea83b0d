//! Digests of earlier walks: when they may be used, and a file that need not be read.

use std::ffi::CStr;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;

use rustix::fs::AtFlags;

use super::Means;
use super::filesystem::Filesystem;
use super::walk::{Open, Subject, Walk};
use crate::model::Digest;
use crate::probe::host::{FileType, Stat};
use crate::state::{HashCache, Key, Page, Recalled, Subject as Remembered};

impl<'a> Walk<'a> {
    /// The cache of this tree: only for a list, only on a file system whose times can be trusted, or that the host names.
    pub(super) fn open_cache(
        &self,
        means: &'a Means,
        name: &str,
        filesystem: &Filesystem,
        root: (u64, u64),
    ) -> Option<HashCache<'a>> {
        let (caches, list, manifest) =
            (means.caches.as_deref()?, self.list?, self.question.manifest?);
        if !filesystem.local && !caches.also_on(&filesystem.name) {
            let why = format!("{} is not among `[observe] cache_on`", filesystem.name);
            caches.note(name, &why);
            return None;
        }
        // The same list means other files below another root.
        let path = self.question.root.as_os_str().as_bytes();
        let manifest = Digest::of(&[manifest.as_bytes(), path].concat());
        caches.of(Remembered { name, manifest, root, entries: list.len() })
    }

    /// What is remembered of these files.
    pub(super) fn page(&self, files: &[Subject]) -> Page {
        let Some(cache) = &self.cache else { return Page::default() };
        let listed = |file: &Subject| match file {
            Subject::Listed(index) => Some(*index),
            Subject::Found(_) => None,
        };
        cache.recall(files.iter().filter_map(listed).collect())
    }

    /// The remembered digest of a file that is as it was, found by its name alone: one system call.
    pub(super) fn recall_unopened(
        &self,
        open: &Open,
        name: &CStr,
        file: &Subject,
        page: &mut Page,
    ) -> Option<(Stat, Recalled)> {
        if self.cache.is_none() || self.question.carried.any() {
            return None;
        }
        let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT;
        self.recall(&rustix::fs::statat(&open.dir, name, flags).ok()?, file, page)
    }

    /// The remembered digest of an open file that is as it was, where files have to be open for what else is asked.
    pub(super) fn recall_open(
        &self,
        opened: &OwnedFd,
        file: &Subject,
        page: &mut Page,
    ) -> Option<(Stat, Recalled)> {
        if self.cache.is_none() || !self.question.carried.any() {
            return None;
        }
        self.recall(&rustix::fs::fstat(opened).ok()?, file, page)
    }

    /// The remembered digest of a file with these attributes.
    fn recall(
        &self,
        kernel: &rustix::fs::Stat,
        file: &Subject,
        page: &mut Page,
    ) -> Option<(Stat, Recalled)> {
        let (Some(cache), Subject::Listed(index)) = (&self.cache, file) else { return None };
        let stat = Stat::of(kernel).ok().filter(|stat| stat.file_type == FileType::File)?;
        Some((stat, cache.look(page, *index, &Key::of(kernel)?)?))
    }

    /// Remembers what was hashed now.
    pub(super) fn keep(
        &self,
        kernel: &rustix::fs::Stat,
        digest: Digest,
        file: &Subject,
        page: &mut Page,
    ) {
        if let (Some(cache), Subject::Listed(index)) = (&self.cache, file)
            && let Some(key) = Key::of(kernel)
        {
            cache.keep(page, *index, &key, digest);
        }
    }
}
