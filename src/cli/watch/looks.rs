//! A look at one target: what `check` does, of the resources of that target alone, with a deadline around all of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::cli::exit;
use crate::cli::observing::{self, How, Looked};
use crate::cli::planning::CLOCK;
use crate::config::Config;
use crate::controller::{Target, Turn};
use crate::desired::Desired;
use crate::drift;
use crate::model::{Clock as _, Reason, Unknown};
use crate::observed::{Answer, Snapshot};
use crate::report::Report;

/// More threads than this are left behind by looks that hang: then the host is not looked at again.
const THREADS_MAX: usize = 200;

/// What is looked at, and why so.
#[derive(Debug, Clone)]
pub(super) struct Task {
    pub(super) target: Target,
    pub(super) turn: Turn,
    pub(super) config: Arc<Config>,
    pub(super) desired: Arc<Desired>,
    pub(super) since: Option<Arc<Desired>>,
    pub(super) generation: u64,
}

/// What came of it.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) report: Report,
    pub(super) took: Duration,
}

/// Looks. Always answers with a report: what could not be looked at is Unknown in it.
pub(super) async fn look(task: Task) -> (Task, Seen) {
    let began = Instant::now();
    let part = part(&task.desired, &task.target);
    let since = task.since.as_deref().map(|since| self::part(since, &task.target));
    let deadline = task.config.watch.value.deadline;
    let how = How { deadline, cached: !task.turn.full };
    let looked = if task.target == Target::Host && threads() > THREADS_MAX {
        let detail = format!("more than {THREADS_MAX} threads hang in earlier looks");
        Err(Unknown::new(Reason::Deadline, detail))
    } else {
        // Every kind and every session has a deadline of its own; this is for what lies between them.
        let most = 2 * deadline + Duration::from_secs(15);
        let looking = observing::look(&task.config, &part, since.as_ref(), how, &CLOCK);
        match tokio::time::timeout(most, looking).await {
            Ok(Ok(looked)) => Ok(looked),
            Ok(Err(failure)) => {
                let reason = match failure.code {
                    exit::REFUSED => Reason::IdentityUnverified,
                    exit::CONFIG => Reason::NotConfigured,
                    _ => Reason::NoAnswer,
                };
                Err(Unknown::new(reason, failure.message))
            }
            Err(_) => {
                let detail = format!("the look did not end within {} s", most.as_secs());
                Err(Unknown::new(Reason::Deadline, detail))
            }
        }
    };
    let looked = looked.unwrap_or_else(|why| untold(&part, &why));
    let config = Arc::clone(&task.config);
    let made = tokio::task::spawn_blocking(move || {
        observing::report(&config, &part, since.as_ref(), &looked, &[])
    });
    let report = made.await.unwrap_or_else(|died| std::panic::resume_unwind(died.into_panic()));
    (task, Seen { report, took: began.elapsed() })
}

/// A look that told nothing.
pub(super) fn untold(desired: &Desired, why: &Unknown) -> Looked {
    let mut snapshot = Snapshot::empty(CLOCK.now());
    for question in drift::questions(desired) {
        let answer = Answer { question: question.text(), seen: Err(why.clone()) };
        snapshot.add(question.name, answer);
    }
    Looked { snapshot, notes: Vec::new(), machine_id: Some(Err(why.clone())) }
}

/// Desired state without the resources of other targets.
pub(super) fn part(desired: &Desired, target: &Target) -> Desired {
    let mut part = desired.clone();
    part.resources.retain(|_, resource| Target::of(resource.spec.database()) == *target);
    part
}

/// How many threads this process has. Cannot be told: none too many.
fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count)
}
