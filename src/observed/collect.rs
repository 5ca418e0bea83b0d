//! Puts each kind's questions to the world: one task a kind, all at once, so that a slow one delays no other.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::task::JoinSet;

use super::{Answer, Question, Snapshot};
use crate::kinds::{Entry, Spec, Stored};
use crate::model::{Clock, Reason, Unknown};
use crate::probe::World;

type Wanted = Vec<(String, Arc<dyn Spec>)>;

/// Asks about every resource, and stores an answer or a reason for each.
pub async fn collect(world: &Arc<World>, questions: &[Question], clock: &dyn Clock) -> Snapshot {
    let mut by_kind: BTreeMap<&str, (&'static Entry, Wanted)> = BTreeMap::new();
    for question in questions {
        let (_, wanted) =
            by_kind.entry(question.kind.name()).or_insert_with(|| (question.kind, Vec::new()));
        wanted.push((question.name.name.clone(), Arc::clone(&question.spec)));
    }
    let mut tasks: JoinSet<(&str, Stored)> = JoinSet::new();
    for (name, (kind, wanted)) in by_kind {
        let world = Arc::clone(world);
        tasks.spawn(async move { (name, kind.observe(&world, &wanted).await) });
    }
    let mut stored: BTreeMap<&str, Stored> = BTreeMap::new();
    // A kind whose task panicked leaves no answers; each of its resources then says so.
    while let Some(outcome) = tasks.join_next().await {
        if let Ok((kind, answers)) = outcome {
            stored.insert(kind, answers);
        }
    }
    let mut snapshot = Snapshot::empty(clock.now());
    for question in questions {
        let seen = stored
            .get_mut(question.kind.name())
            .and_then(|answers| answers.remove(&question.name.name))
            .unwrap_or_else(|| {
                Err(Unknown::new(Reason::NoAnswer, "the probe ended without an answer"))
            });
        snapshot.add(question.name.clone(), Answer { question: question.text(), seen });
    }
    snapshot
}
