//! A tree of files against a list of digests, or one digest of all of it: every byte is read, nothing is followed.
//!
//! The walk goes by directory, each opened once through its parent, so that no link can lead it elsewhere. Directories,
//! regular files and nothing else are opened. What is kept are counts and what differs: memory does not grow with the
//! number of files that are as they should be.

mod attributes;
mod carried;
mod file;
mod filesystem;
mod findings;
mod folder;
mod pipeline;
mod recall;
mod walk;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use globset::GlobSet;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::cancel::Cancel;
use super::host::{FileType, Host, Links};
use super::{Progress, Threads, World};
use crate::model::hash_list::HashList;
use crate::model::{Blind, Digest, Mode, Reason, Timestamp, Unknown};
use crate::state::HashCaches;

/// How many entries one walk looks at.
pub const ENTRIES_MAX: u64 = 2_000_000;
/// How many directories deep a walk goes.
pub const DEPTH_MAX: usize = 128;
/// How many differences, unlisted things and unknown paths are each kept one by one; the rest is counted.
pub const FINDINGS_MAX: usize = 10_000;
/// How many trees are walked at once, so that one sick mount delays nobody else.
const TREES_AT_ONCE_MAX: usize = 4;

/// Would the pipeline that digests a whole tree break on this path?
#[must_use]
pub fn pipeline_breaks(path: &[u8]) -> bool {
    pipeline::breaks(path)
}

/// What is asked about one tree.
#[derive(Debug, Clone)]
pub struct Question {
    /// The absolute path of its root.
    pub root: PathBuf,
    /// Are links on the way to the root followed? Below it, none ever is.
    pub links: Links,
    /// What its files are compared with.
    pub against: Against,
    /// The digest of the list, under which digests of its files may be remembered.
    pub manifest: Option<Digest>,
    /// What is left alone when it is not listed.
    pub ignore: GlobSet,
    /// Is it looked for files that are not listed?
    pub unlisted: bool,
    /// Does an unlisted directory without entries count as unlisted?
    pub empty_directories: bool,
    /// Wanted of every listed file and the directories above them.
    pub attributes: Attributes,
    /// What listed files are looked through for.
    pub carried: Carried,
    /// Are other mounts below the root entered?
    pub span_mounts: bool,
    /// How long the walk may take.
    pub deadline: Duration,
}

/// What the files of a tree are compared with.
#[derive(Debug, Clone)]
pub enum Against {
    /// Each file with its line of a list.
    List(Arc<HashList>),
    /// Nothing here: one digest is made of all regular files, as a pipeline of `find`, `sort` and `sha256sum` makes it,
    /// the paths written below this prefix.
    Digest {
        /// What `find` was given.
        prefix: String,
    },
}

/// Owner, group and modes wanted throughout a tree.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attributes {
    /// The owner of files and directories.
    pub owner: Option<String>,
    /// The group of files and directories.
    pub group: Option<String>,
    /// The mode of files.
    pub file_mode: Option<Mode>,
    /// The mode of directories.
    pub directory_mode: Option<Mode>,
}

/// What a listed file can carry beside its content and attributes; looking for it takes more calls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Carried {
    /// Extended attributes, also of the directories above listed files; `security.selinux` does not count.
    pub xattrs: bool,
    /// Rights of its own: the setuid or setgid bit, file capabilities.
    pub privileges: bool,
}

/// What stands at the root of the tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Seen {
    /// Nothing.
    Absent,
    /// Something that is no directory.
    Other(FileType),
    /// A directory, and it was walked.
    Walked(Walked),
}

/// The outcome of a walk.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Walked {
    /// How many files the list names.
    pub listed: u64,
    /// How many of them are as they should be, in every respect that was asked.
    pub matched: u64,
    /// How many things are there that the list does not name.
    pub unlisted: u64,
    /// How many regular files were hashed.
    pub hashed: u64,
    /// What differs, in the bytewise order of the paths.
    pub findings: Vec<Finding>,
    /// How many differences other than unlisted things there are beyond those kept.
    pub findings_more: u64,
    /// How many unlisted things there are beyond those kept.
    pub unlisted_more: u64,
    /// What could not be told, in the same order.
    pub blind: Vec<Blind>,
    /// How many paths could not be told beyond those kept.
    pub blind_more: u64,
    /// The digest of the whole tree, where it was asked and everything could be read.
    pub digest: Option<Digest>,
    /// How many listed files were not read now: their digest was remembered, and their attributes were the same.
    #[serde(default)]
    pub recalled: u64,
    /// When the oldest of the remembered digests was made.
    #[serde(default)]
    pub hashed_since: Option<Timestamp>,
    /// How many extended attributes, and files with rights of their own, were found.
    #[serde(default)]
    pub carried: u64,
    /// How many of them there are beyond those kept.
    #[serde(default)]
    pub carried_more: u64,
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The path below the root, escaped; `.` is the root itself.
    pub path: String,
    /// What differs.
    pub what: What,
}

/// What differs at one path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// It is listed, and nothing is there.
    Missing,
    /// It is there, and not listed.
    Unlisted(FileType),
    /// Something of another type is there.
    Type {
        /// What the list implies.
        desired: FileType,
        /// What is there.
        actual: FileType,
    },
    /// The content is another.
    Content {
        /// The digest of the list.
        desired: Digest,
        /// The digest of what is there.
        actual: Digest,
    },
    /// The owner is another.
    Owner(String),
    /// The group is another.
    Group(String),
    /// The mode is another.
    Mode {
        /// The one that is wanted for what this is.
        desired: Mode,
        /// The one it has.
        actual: Mode,
    },
    /// It has an extended attribute of this name (escaped).
    Xattr(String),
    /// Whoever executes it gets rights of the file's own: `setuid`, `setgid`, or its capabilities.
    Privilege(String),
}

/// Walks all these trees, a few at a time, each within its own deadline.
pub async fn walk_all(
    world: &World,
    questions: Vec<(String, Question)>,
) -> BTreeMap<String, Result<Seen, Unknown>> {
    let slots =
        Arc::new(Semaphore::new(world.threads.up_to(questions.len().min(TREES_AT_ONCE_MAX))));
    let mut walks = JoinSet::new();
    for (name, question) in questions {
        let means = Means {
            host: Arc::clone(&world.host),
            progress: Arc::clone(&world.progress),
            caches: world.caches.clone(),
            now: world.now.unix_seconds(),
            threads: world.threads,
        };
        let slots = Arc::clone(&slots);
        walks.spawn(async move {
            let _slot = slots.acquire_owned().await;
            let answer = walk_one(means, name.clone(), question).await;
            (name, answer)
        });
    }
    let mut answers = BTreeMap::new();
    while let Some(walk) = walks.join_next().await {
        // A walk that broke off has no answer, which the caller turns into Unknown.
        if let Ok((name, answer)) = walk {
            answers.insert(name, answer);
        }
    }
    answers
}

/// By which means a tree is walked.
#[derive(Debug)]
struct Means {
    host: Arc<Host>,
    progress: Arc<Progress>,
    caches: Option<Arc<HashCaches>>,
    /// When the look began, in seconds since 1970.
    now: i64,
    threads: Threads,
}

/// When the deadline passes, or nobody waits any more, the walk is told to stop; a thread that hangs is left behind.
async fn walk_one(means: Means, name: String, question: Question) -> Result<Seen, Unknown> {
    let cancel = Cancel::default();
    let _guard = cancel.on_drop();
    let deadline = question.deadline;
    let walk = tokio::task::spawn_blocking(move || walk::walk(&means, &name, &question, &cancel));
    match tokio::time::timeout(deadline, walk).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(_)) => Err(Unknown::new(Reason::NoAnswer, "the walk of the tree broke off")),
        Err(_) => {
            let seconds = deadline.as_secs_f32();
            let detail =
                format!("not done within {seconds} s; the tree's `deadline` can be raised");
            Err(Unknown::new(Reason::Deadline, detail))
        }
    }
}

#[cfg(test)]
mod tests;
