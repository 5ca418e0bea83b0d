//! The only way to look at the world, and it only looks.
//!
//! Host facts come through directory descriptors beneath one root, following no link; database facts through one
//! read-only snapshot a database. Nothing here writes, and nothing but the scrubbed runner starts a program.

pub mod accounts;
pub mod armor;
pub mod authorized_keys;
pub mod cancel;
pub mod capability;
pub mod catalog;
pub mod certificate;
pub mod cron;
pub mod deeds;
pub mod deploy_manifest;
pub mod engine;
pub mod git;
pub mod host;
pub mod http;
pub mod kernel;
pub mod literal;
pub mod newest;
pub mod openpgp;
pub mod packages;
pub mod postgres;
pub mod runner;
pub mod smoke;
pub mod systemd;
mod threads;
pub mod tree;
pub mod watches;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::config::SmokePolicy;
use crate::model::display::escape;
use crate::model::{Reason, Timestamp, Unknown};
use crate::state::HashCaches;
use host::Host;
use postgres::Session;

pub use threads::Threads;

/// What a kind may ask: the host beneath its root, and the databases that the host's configuration names.
#[derive(Debug)]
pub struct World {
    /// The file system of the host.
    pub host: Arc<Host>,
    /// The databases that desired state names, by that name.
    pub databases: BTreeMap<String, Database>,
    /// Which commands the host lets desired state run.
    pub smoke: SmokePolicy,
    /// Digests of earlier looks, where the caller lets this look rest on them.
    pub caches: Option<Arc<HashCaches>>,
    /// What a progress bar shows.
    pub progress: Arc<Progress>,
    /// When the look began: what ages are measured from.
    pub now: Timestamp,
    /// How long one kind may take for all its resources.
    pub deadline: Duration,
    /// How many threads may look at files at once.
    pub threads: Threads,
}

/// A database: an open session whose identity was verified, or why there is none.
pub type Database = Result<Session, Unknown>;

/// How far a look has come; counted by probes, read by a progress bar.
#[derive(Debug, Default)]
pub struct Progress {
    /// Files finished.
    pub files: AtomicU64,
    /// Files there are to look at, as far as is known.
    pub files_total: AtomicU64,
    /// Bytes hashed.
    pub bytes: AtomicU64,
}

impl Progress {
    /// Notes finished files, and how many bytes of them were read.
    pub fn files(&self, files: u64, bytes: u64) {
        self.files.fetch_add(files, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }
}

impl World {
    /// The session of a database.
    ///
    /// # Errors
    /// Why there is none.
    pub fn database(&self, name: &str) -> Result<&Session, Unknown> {
        let database = self.databases.get(name).ok_or_else(|| {
            let detail = format!("no observer is configured for database `{}`", escape(name));
            Unknown::new(Reason::NotConfigured, detail)
        })?;
        database.as_ref().map_err(Clone::clone)
    }

    /// Ends the sessions in order. A world that is merely dropped ends them as well, once its runtime comes to it.
    pub async fn close(&self) {
        for session in self.databases.values().flatten() {
            session.close().await;
        }
    }

    /// Puts one blocking question for each item to the host, a few at a time, each on a thread of its own pool.
    ///
    /// What has no answer when the deadline passes is Unknown; the threads that hang are left behind, so that one sick
    /// mount delays nobody else.
    pub async fn sweep<Q, T, F>(
        &self,
        items: Vec<(String, Q)>,
        ask: F,
    ) -> BTreeMap<String, Result<T, Unknown>>
    where
        Q: Send + 'static,
        T: Send + 'static,
        F: Fn(&Host, &str, &Q) -> Result<T, Unknown> + Send + Sync + 'static,
    {
        let names: Vec<String> = items.iter().map(|(name, _)| name.clone()).collect();
        let threads = self.threads.up_to(items.len());
        let queue = Arc::new(Mutex::new(items.into_iter()));
        // Kept where they are made: to hand each over by itself would wake this task for each.
        let answers = Arc::new(Mutex::new(BTreeMap::new()));
        let ask = Arc::new(ask);
        let mut workers = tokio::task::JoinSet::new();
        for _ in 0..threads {
            let (queue, ask, host, answers) = (
                Arc::clone(&queue),
                Arc::clone(&ask),
                Arc::clone(&self.host),
                Arc::clone(&answers),
            );
            workers.spawn_blocking(move || {
                while let Some((name, question)) = next(&queue) {
                    let answer = ask(&host, &name, &question);
                    held(&answers).insert(name, answer);
                }
            });
        }
        let ended = async { while workers.join_next().await.is_some() {} };
        let collected = tokio::time::timeout(self.deadline, ended).await;
        // What comes later is not waited for, and nothing more is begun.
        *held(&queue) = Vec::new().into_iter();
        let mut answers = std::mem::take(&mut *held(&answers));
        if collected.is_err() {
            let late = format!("no answer within {} s", self.deadline.as_secs_f32());
            for name in names {
                answers
                    .entry(name)
                    .or_insert_with(|| Err(Unknown::new(Reason::Deadline, late.clone())));
            }
        }
        answers
    }
}

impl World {
    /// Puts one blocking question to the host, for a kind that reads one source for all its resources.
    ///
    /// # Errors
    /// [`Reason::Deadline`] when the time for the kind passes first; the thread that hangs is left behind.
    pub async fn ask<T, F>(&self, ask: F) -> Result<T, Unknown>
    where
        T: Send + 'static,
        F: FnOnce(&Host) -> Result<T, Unknown> + Send + 'static,
    {
        let host = Arc::clone(&self.host);
        let asked = tokio::task::spawn_blocking(move || ask(&host));
        match tokio::time::timeout(self.deadline, asked).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(Unknown::new(Reason::NoAnswer, "the probe ended without an answer")),
            Err(_) => {
                let late = format!("no answer within {} s", self.deadline.as_secs_f32());
                Err(Unknown::new(Reason::Deadline, late))
            }
        }
    }
}

/// An answer awaited until a common deadline of several questions.
///
/// # Errors
/// [`Reason::Deadline`] when it passes first.
pub async fn until<T>(
    give_up: tokio::time::Instant,
    asking: impl Future<Output = Result<T, Unknown>>,
) -> Result<T, Unknown> {
    tokio::time::timeout_at(give_up, asking).await.unwrap_or_else(|_| {
        Err(Unknown::new(
            Reason::Deadline,
            "the time for all resources of this kind (--deadline) is used up",
        ))
    })
}

fn next<I: Iterator>(queue: &Mutex<I>) -> Option<I::Item> {
    held(queue).next()
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
