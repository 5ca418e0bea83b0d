//! Puts each kind's questions to the world: one task a batch, all at once, so that a slow one delays no other.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::task::JoinSet;

use super::{Answer, Question, Snapshot};
use crate::kinds::Stored;
use crate::model::{Clock, Reason, Unknown};
use crate::probe::World;

/// Questions of one kind, by their number. No resource stands in it twice, since a kind answers by name.
type Batch = Vec<usize>;

/// Asks about every resource, and stores an answer or a reason for each.
pub async fn collect(world: &Arc<World>, questions: &[Question], clock: &dyn Clock) -> Snapshot {
    let mut tasks: JoinSet<(Batch, Stored)> = JoinSet::new();
    for batch in batches(questions) {
        let Some(kind) = batch.first().and_then(|at| questions.get(*at)).map(|q| q.kind) else {
            continue;
        };
        let asked = batch.iter().filter_map(|at| questions.get(*at));
        let wanted: Vec<_> = asked.map(|q| (q.name.name.clone(), Arc::clone(&q.spec))).collect();
        let world = Arc::clone(world);
        tasks.spawn(async move { (batch, kind.observe(&world, &wanted).await) });
    }
    let mut seen = vec![None; questions.len()];
    // A batch whose task panicked leaves no answers; each of its resources then says so.
    while let Some(outcome) = tasks.join_next().await {
        let Ok((batch, mut answers)) = outcome else { continue };
        for at in batch {
            if let (Some(question), Some(place)) = (questions.get(at), seen.get_mut(at)) {
                *place = answers.remove(&question.name.name);
            }
        }
    }
    let mut snapshot = Snapshot::empty(clock.now());
    for (question, seen) in questions.iter().zip(seen) {
        let seen = seen.unwrap_or_else(|| {
            Err(Unknown::new(Reason::NoAnswer, "the probe ended without an answer"))
        });
        snapshot.add(question.name.clone(), Answer { question: question.text(), seen });
    }
    snapshot
}

/// One batch for each kind. A resource that is asked about twice, as with a baseline whose manifest or key was another,
/// goes into a second batch of its kind: in one, one answer would stand for both questions.
fn batches(questions: &[Question]) -> Vec<Batch> {
    let mut batches: Vec<(&str, BTreeSet<&str>, Batch)> = Vec::new();
    for (at, question) in questions.iter().enumerate() {
        let (kind, name) = (question.kind.name(), question.name.name.as_str());
        let free = batches.iter_mut().find(|(of, names, _)| *of == kind && !names.contains(name));
        match free {
            Some((_, names, batch)) => {
                names.insert(name);
                batch.push(at);
            }
            None => batches.push((kind, [name].into(), vec![at])),
        }
    }
    batches.into_iter().map(|(_, _, batch)| batch).collect()
}
