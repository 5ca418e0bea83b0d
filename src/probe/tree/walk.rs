//! The order of work: a stack of folders and files, on one thread while the tree is small, on several when it is not.

use std::ffi::{CString, OsStr};
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::filesystem::Filesystem;
use super::findings::Findings;
use super::{Against, ENTRIES_MAX, Means, Question, Seen, Walked, What, pipeline};
use crate::model::hash_list::HashList;
use crate::model::{Digest, Reason, Timestamp, Unknown};
use crate::probe::cancel::Cancel;
use crate::probe::host::{BUFFER_BYTES, Contents, Host, Opener, failed};
use crate::probe::{Progress, Threads};
use crate::state::{HashCache, RACY_SECONDS};

/// Below these a second thread costs more than it saves.
const FILES_FOR_THREADS: u64 = 1_000;
const BYTES_FOR_THREADS: u64 = 16 << 20;
/// What one system call reads of a directory.
const ENTRIES_BYTES: usize = 32 << 10;

/// One walk: what is asked, by which means, and what was found so far.
pub(super) struct Walk<'a> {
    pub(super) host: &'a Host,
    pub(super) question: &'a Question,
    pub(super) list: Option<&'a HashList>,
    pub(super) opener: Opener,
    pub(super) findings: Findings,
    pub(super) matched: AtomicU64,
    pub(super) unlisted: AtomicU64,
    /// For the digest of the whole tree.
    pub(super) digests: Mutex<Vec<(Vec<u8>, Digest)>>,
    /// The root as the policy knows it: after all links on the way.
    root: PathBuf,
    /// The file system of the root.
    pub(super) device: u64,
    /// Files on this device that were changed before this second rest: the kernel stamps changes with our own clock, so
    /// none was made since. `None` where another clock may be at work.
    pub(super) rests_before: Option<i64>,
    /// Digests of earlier walks.
    pub(super) cache: Option<HashCache<'a>>,
    /// How many threads there may be.
    pub(super) threads: Threads,
    progress: &'a Progress,
    pub(super) cancel: &'a Cancel,
    entries: AtomicU64,
    hashed: AtomicU64,
    recalled: AtomicU64,
    /// When the oldest of the recalled digests was made.
    oldest: AtomicI64,
    /// The numbers behind the wanted owner and group, one more than they are; 0 until they were seen.
    pub(super) known_owner: AtomicU64,
    pub(super) known_group: AtomicU64,
    /// Bytes hashed or expected; large files count twice, as it only decides about threads.
    bytes: AtomicU64,
    /// What ends the whole walk without an answer.
    fatal: OnceLock<Unknown>,
    scratch: Mutex<Vec<Scratch>>,
}

/// Buffers of one thread.
pub(super) struct Scratch {
    pub(super) contents: Halves,
    pub(super) path: Vec<u8>,
    pub(super) entries: Vec<u8>,
}

/// The buffers of two files that are hashed side by side; one allocation, of which the kernel gives only what is used.
pub(super) struct Halves(Vec<u8>);

impl Halves {
    pub(super) fn both(&mut self) -> [&mut [u8]; 2] {
        self.0.split_at_mut(BUFFER_BYTES / 2).into()
    }
}

/// A directory of the tree.
pub(super) struct Folder {
    /// Its path below the root, with a slash behind it; empty for the root.
    pub(super) path: Box<[u8]>,
    /// The listed names below it.
    pub(super) range: Range<usize>,
    pub(super) depth: usize,
}

/// A directory that is open.
pub(super) struct Open {
    pub(super) dir: OwnedFd,
    pub(super) folder: Folder,
}

/// A file to hash.
pub(super) enum Subject {
    /// One of the list.
    Listed(usize),
    /// One that was found, by its name in its folder.
    Found(CString),
}

/// A piece of work.
pub(super) enum Task {
    /// Opens and reads a directory.
    Folder { parent: Arc<Open>, name: CString, folder: Folder },
    /// Reads a directory that is open.
    Root(Open),
    /// Hashes files of one directory; large ones only when nobody waits for this.
    Files { open: Arc<Open>, files: Vec<Subject>, apart: bool },
}

/// Walks a tree.
pub(super) fn walk(
    means: &Means,
    name: &str,
    question: &Question,
    cancel: &Cancel,
) -> Result<Seen, Unknown> {
    let (opened, root) = means.host.directory(&question.root, question.links)?;
    let dir = match opened {
        Contents::Absent => return Ok(Seen::Absent),
        Contents::Other(stat) => return Ok(Seen::Other(stat.file_type)),
        Contents::Regular(_, dir) => dir,
    };
    let there = rustix::fs::fstat(&dir).map_err(|e| failed(e, &root))?;
    let filesystem = Filesystem::of(&dir, &root)?;
    let mut walk = Walk::new(&means.host, question, root, there.st_dev, &means.progress, cancel);
    if filesystem.local {
        walk.rests_before = Some(means.now.saturating_sub(RACY_SECONDS));
    }
    walk.threads = means.threads;
    walk.cache = walk.open_cache(means, name, &filesystem, (there.st_dev, there.st_ino));
    let listed = walk.list.map_or(0, HashList::len);
    means.progress.files_total.fetch_add(listed as u64, Ordering::Relaxed);
    let folder = Folder { path: Box::default(), range: 0..listed, depth: 0 };
    walk.run(Task::Root(Open { dir, folder }));
    walk.settle(listed as u64).map(Seen::Walked)
}

/// What one thread counts before it tells the others.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) matched: u64,
    pub(super) hashed: u64,
    pub(super) recalled: u64,
    pub(super) bytes: u64,
    /// When the oldest of the recalled digests was made.
    pub(super) oldest: Option<i64>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        host: &'a Host,
        question: &'a Question,
        root: PathBuf,
        device: u64,
        progress: &'a Progress,
        cancel: &'a Cancel,
    ) -> Self {
        let list = match &question.against {
            Against::List(list) => Some(&**list),
            Against::Digest { .. } => None,
        };
        let opener =
            if question.span_mounts { Opener::across_mounts() } else { Opener::within_mount() };
        Self {
            host,
            question,
            list,
            opener,
            findings: Findings::new(),
            matched: AtomicU64::new(0),
            unlisted: AtomicU64::new(0),
            digests: Mutex::default(),
            root,
            device,
            rests_before: None,
            cache: None,
            threads: Threads::Exactly(1),
            progress,
            cancel,
            entries: AtomicU64::new(0),
            hashed: AtomicU64::new(0),
            recalled: AtomicU64::new(0),
            oldest: AtomicI64::new(i64::MAX),
            known_owner: AtomicU64::new(0),
            known_group: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            fatal: OnceLock::new(),
            scratch: Mutex::default(),
        }
    }

    fn run(&self, first: Task) {
        let mut tasks = vec![first];
        while let Some(task) = tasks.pop() {
            tasks.extend(self.step(task));
            if tasks.len() > 1 && self.is_large() {
                return self.run_on_more(tasks);
            }
        }
    }

    fn is_large(&self) -> bool {
        self.hashed.load(Ordering::Relaxed) >= FILES_FOR_THREADS
            || self.bytes.load(Ordering::Relaxed) >= BYTES_FOR_THREADS
    }

    fn run_on_more(&self, mut tasks: Vec<Task>) {
        let threads = self.threads.up_to(usize::MAX);
        let pool = || rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        match (threads > 1).then(pool) {
            Some(Ok(pool)) => pool.scope(|scope| self.spawn(scope, tasks)),
            // No more threads to be had: then this one does it.
            _ => {
                while let Some(task) = tasks.pop() {
                    tasks.extend(self.step(task));
                }
            }
        }
    }

    fn spawn<'scope>(&'scope self, scope: &rayon::Scope<'scope>, tasks: Vec<Task>) {
        for task in tasks {
            scope.spawn(move |scope| self.spawn(scope, self.step(task)));
        }
    }

    /// Does one piece of work, and says which ones follow from it. A walk that was stopped has none left.
    pub(super) fn step(&self, task: Task) -> Vec<Task> {
        let mut scratch = self.scratches().pop().unwrap_or_else(Scratch::new);
        let mut next = Vec::new();
        let done = self.go_on().and_then(|()| match task {
            Task::Folder { parent, name, folder } => {
                self.enter(&parent, &name, folder, &mut scratch, &mut next)
            }
            Task::Root(open) => self.list_folder(open, &mut scratch, &mut next),
            Task::Files { open, files, apart } => {
                self.hash_files(&open, files, apart, &mut scratch, &mut next)
            }
        });
        self.scratches().push(scratch);
        if let Err(unknown) = done {
            // The first reason stays; all others follow from it.
            let _ = self.fatal.set(unknown);
            next.clear();
        }
        next
    }

    fn scratches(&self) -> std::sync::MutexGuard<'_, Vec<Scratch>> {
        self.scratch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fails once the walk shall end.
    pub(super) fn go_on(&self) -> Result<(), Unknown> {
        match self.fatal.get() {
            Some(unknown) => Err(unknown.clone()),
            None => self.cancel.check(),
        }
    }

    /// Counts entries of a directory, up to the limit.
    pub(super) fn count_entries(&self, count: u64) -> Result<(), Unknown> {
        if self.entries.fetch_add(count, Ordering::Relaxed) + count > ENTRIES_MAX {
            let detail = format!("the tree has more than {ENTRIES_MAX} entries");
            return Err(Unknown::new(Reason::TooLarge, detail));
        }
        Ok(())
    }

    /// Counts bytes that are still to be hashed, as one reason for more threads.
    pub(super) fn expect_bytes(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Adds what one thread counted.
    pub(super) fn count(&self, tally: &Tally) {
        self.matched.fetch_add(tally.matched, Ordering::Relaxed);
        self.hashed.fetch_add(tally.hashed, Ordering::Relaxed);
        self.bytes.fetch_add(tally.bytes, Ordering::Relaxed);
        if let Some(oldest) = tally.oldest {
            self.recalled.fetch_add(tally.recalled, Ordering::Relaxed);
            self.oldest.fetch_min(oldest, Ordering::Relaxed);
        }
        self.progress.files(tally.hashed + tally.recalled, tally.bytes);
    }

    /// Notes that the listed files of a range are not there.
    pub(super) fn missing(&self, range: Range<usize>) -> Result<(), Unknown> {
        let Some(list) = self.list else { return Ok(()) };
        if let Some(cache) = &self.cache {
            // Nothing is remembered of what is not there.
            range.clone().for_each(|index| cache.remember(&cache.recall(vec![index])));
        }
        for index in range {
            self.go_on()?;
            self.findings.differs(&list.name(index), What::Missing);
        }
        Ok(())
    }

    /// Where something below the root is, as the managed host knows it.
    pub(super) fn full_path(&self, below: &[u8]) -> PathBuf {
        self.root.join(Path::new(OsStr::from_bytes(below)))
    }

    /// Does a pattern of the host deny this path? The folders above it were asked about before.
    pub(super) fn is_denied(&self, below: &[u8]) -> bool {
        let policy = self.host.policy();
        !policy.denies_nothing() && policy.denies(&self.full_path(below))
    }

    pub(super) fn settle(self, listed: u64) -> Result<Walked, Unknown> {
        if let Some(unknown) = self.fatal.into_inner() {
            return Err(unknown);
        }
        if let Some(cache) = self.cache {
            cache.finish();
        }
        let recalled = self.recalled.into_inner();
        let mut digest = None;
        if let Against::Digest { prefix } = &self.question.against {
            let files = self.digests.into_inner().unwrap_or_else(PoisonError::into_inner);
            for (below, _) in files.iter().filter(|(path, _)| pipeline::breaks(path)) {
                let why = "`xargs` takes names with blanks, quotes or backslashes apart, so the tree has no such digest";
                self.findings.blind(below, Unknown::new(Reason::NotSupported, why));
            }
            if !self.findings.any_blind() && !pipeline::breaks(prefix.as_bytes()) {
                digest = Some(pipeline::digest(files));
            }
        }
        let mut walked = Walked {
            listed,
            matched: self.matched.into_inner(),
            unlisted: self.unlisted.into_inner(),
            hashed: self.hashed.into_inner(),
            digest,
            recalled,
            hashed_since: (recalled > 0)
                .then(|| Timestamp::from_unix_seconds(self.oldest.into_inner())),
            ..Walked::default()
        };
        self.findings.settle(&mut walked);
        Ok(walked)
    }
}

impl Scratch {
    fn new() -> Self {
        Self {
            contents: Halves(vec![0; BUFFER_BYTES]),
            path: Vec::new(),
            entries: Vec::with_capacity(ENTRIES_BYTES),
        }
    }
}
