//! Puts each kind's questions to the world: one task a kind, all at once, so that a slow one delays no other.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::task::JoinSet;

use super::{Answer, Question, Snapshot};
use crate::kinds::{Entry, Spec, Stored};
use crate::model::{Clock, Reason, ResourceName, Unknown};
use crate::probe::World;

type Wanted = Vec<(String, Arc<dyn Spec>)>;
/// A kind, and how many earlier questions there are about the same names.
type Round = (&'static str, usize);

/// Asks about every resource, and stores an answer or a reason for each.
///
/// A kind answers by name, so a second question about the same name (what a baseline asked before) is a round of its own.
pub async fn collect(world: &Arc<World>, questions: &[Question], clock: &dyn Clock) -> Snapshot {
    let mut rounds: BTreeMap<Round, (&'static Entry, Wanted)> = BTreeMap::new();
    let mut asked: BTreeMap<&ResourceName, usize> = BTreeMap::new();
    let mut round_of = Vec::with_capacity(questions.len());
    for question in questions {
        let times = asked.entry(&question.name).or_default();
        let round = (question.kind.name(), *times);
        *times += 1;
        round_of.push(round);
        let (_, wanted) = rounds.entry(round).or_insert_with(|| (question.kind, Vec::new()));
        wanted.push((question.name.name.clone(), Arc::clone(&question.spec)));
    }
    let mut tasks: JoinSet<(Round, Stored)> = JoinSet::new();
    for (round, (kind, wanted)) in rounds {
        let world = Arc::clone(world);
        tasks.spawn(async move { (round, kind.observe(&world, &wanted).await) });
    }
    let mut stored: BTreeMap<Round, Stored> = BTreeMap::new();
    // A kind whose task panicked leaves no answers; each of its resources then says so.
    while let Some(outcome) = tasks.join_next().await {
        if let Ok((round, answers)) = outcome {
            stored.insert(round, answers);
        }
    }
    let mut snapshot = Snapshot::empty(clock.now());
    for (question, round) in questions.iter().zip(round_of) {
        let seen = stored
            .get_mut(&round)
            .and_then(|answers| answers.remove(&question.name.name))
            .unwrap_or_else(|| {
                Err(Unknown::new(Reason::NoAnswer, "the probe ended without an answer"))
            });
        snapshot.add(question.name.clone(), Answer { question: question.text(), seen });
    }
    snapshot
}
