//! The only way to look at the world, and it only looks.
//!
//! Host facts come through directory descriptors beneath one root, following no link; database facts through one
//! read-only snapshot a database. Nothing here writes, and nothing but the scrubbed runner starts a program.

pub mod cancel;
pub mod host;
pub mod tree;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::model::{Reason, Unknown};
use host::Host;

/// What a kind may ask: the host beneath its root, and the databases that the host's configuration names.
#[derive(Debug)]
pub struct World {
    /// The file system of the host.
    pub host: Arc<Host>,
    /// What a progress bar shows.
    pub progress: Arc<Progress>,
    /// How long one kind may take for all its resources.
    pub deadline: Duration,
    /// How many threads may look at files at once.
    pub threads: usize,
}

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
    /// Notes a finished file of `bytes` bytes.
    pub fn file(&self, bytes: u64) {
        self.files.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }
}

impl World {
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
        let threads = self.threads.min(items.len()).max(1);
        let queue = Arc::new(Mutex::new(items.into_iter()));
        let ask = Arc::new(ask);
        let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
        for _ in 0..threads {
            let (queue, ask, host, sender) =
                (Arc::clone(&queue), Arc::clone(&ask), Arc::clone(&self.host), sender.clone());
            tokio::task::spawn_blocking(move || {
                while let Some((name, question)) = next(&queue) {
                    let answer = ask(&host, &name, &question);
                    if sender.send((name, answer)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        let mut answers = BTreeMap::new();
        let collected = tokio::time::timeout(self.deadline, async {
            while let Some((name, answer)) = receiver.recv().await {
                answers.insert(name, answer);
            }
        })
        .await;
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

fn next<I: Iterator>(queue: &Mutex<I>) -> Option<I::Item> {
    queue.lock().unwrap_or_else(PoisonError::into_inner).next()
}
