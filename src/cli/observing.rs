//! From desired state and the live world to a report: one way for `check`, which does it once, and `watch`.

use std::collections::BTreeSet;
use std::time::Duration;

use super::error::Failure;
use super::{attested, world};
use crate::config::{Config, DEFAULT_PATH, Origin};
use crate::desired::Desired;
use crate::drift::{self, Baseline, Verdict};
use crate::evidence;
use crate::model::{Clock, Unknown};
use crate::observed::{self, Question, Snapshot};
use crate::report::{Header, Report};

/// How to look.
#[derive(Debug, Clone, Copy)]
pub(super) struct How {
    /// How long one kind of resource may take.
    pub(super) deadline: Duration,
    /// May the look rest on digests of earlier ones?
    pub(super) cached: bool,
}

/// What was seen, and what is worth saying about how.
pub(super) struct Looked {
    pub(super) snapshot: Snapshot,
    pub(super) notes: Vec<String>,
    /// What machine it was seen on. None of a recording, whose drift nobody here explains.
    pub(super) machine_id: Option<Result<String, Unknown>>,
}

impl Looked {
    fn replayed(&self) -> bool {
        self.machine_id.is_none()
    }
}

/// Puts every question of desired state to the live world, and those that an earlier desired state put otherwise.
pub(super) async fn look(
    config: &Config,
    desired: &Desired,
    since: Option<&Desired>,
    how: How,
    clock: &dyn Clock,
) -> Result<Looked, Failure> {
    let world = world::open(config, desired, how.deadline, how.cached, &[]).await?;
    let mut questions = drift::questions(desired);
    // The same question is put once; a moved manifest or key is another question.
    let text = |q: &Question| (q.name.clone(), q.text().to_string());
    let mut asked: BTreeSet<_> = questions.iter().map(text).collect();
    let wanted = |q: &Question| desired.resources.contains_key(&q.name);
    for earlier in since.into_iter().flat_map(drift::questions).filter(wanted) {
        if asked.insert(text(&earlier)) {
            questions.push(earlier);
        }
    }
    let mut withheld = Snapshot::empty(clock.now());
    let questions = world.withhold(questions, &mut withheld);
    let bar = world::progress(&world.probe);
    let mut snapshot = observed::collect(&world.probe, &questions, clock).await;
    bar.stop();
    world.probe.close().await;
    let machine_id = Some(world.probe.host.machine_id());
    snapshot.answers.append(&mut withheld.answers);
    let mut notes = world.notes;
    notes.extend(world.probe.caches.iter().flat_map(|caches| caches.notes()));
    Ok(Looked { snapshot, notes, machine_id })
}

/// Judges what was seen. Where something differs, this reads the executor's ledger.
pub(super) fn report(
    config: &Config,
    desired: &Desired,
    since: Option<&Desired>,
    looked: &Looked,
    only: &[String],
) -> Report {
    let baseline = since.map(|desired| Baseline { desired, snapshot: &looked.snapshot });
    let now = looked.snapshot.observed_at;
    let mut judged = drift::compare(desired, &looked.snapshot, baseline, now);
    let mut notes = looked.notes.clone();
    // Most looks find nothing to explain, and a ledger may be long.
    let differs = judged.iter().any(|one| matches!(one.verdict, Verdict::Drift | Verdict::Pending));
    let machine_id = looked.machine_id.clone().filter(|_| differs);
    match machine_id.map(|machine_id| attested::explanations(config, machine_id)) {
        Some(Ok(heard)) => notes.extend(evidence::explain(&mut judged, &heard)),
        Some(Err(why)) => notes.push(format!("whether drift is explained cannot be told: {why}")),
        None => {}
    }
    let bare = config.file.is_none() && config.observe.origin == Origin::Default;
    if bare && !looked.replayed() {
        notes.push(format!(
            "no configuration: there is no {DEFAULT_PATH} that says what may be read, so nothing may; \
             --config names another, --root DIR looks at a tree of its own"
        ));
    }
    let header = Header {
        host: desired.host.clone(),
        commit: desired.commit.clone(),
        pinned: desired.pinned,
        sandbox: config.sandbox && !looked.replayed(),
        replayed: looked.replayed(),
        observed_at: now,
        since: since.and_then(|desired| desired.commit.clone()),
        folder: desired.folder.clone(),
        source: desired.origin.clone(),
        only: only.to_vec(),
        notes,
    };
    Report::new(header, judged)
}
