//! Puts each kind's questions to the world: one task a kind, all at once, so that a slow one delays no other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::task::JoinSet;

use super::fence::{self, Passed};
use super::{Answer, Question, Snapshot};
use crate::kinds::{Entry, Spec, Stored};
use crate::model::{Clock, Reason, ResourceName, Unknown};
use crate::probe::World;

type Wanted = Vec<(String, Arc<dyn Spec>)>;
/// A kind, and how many earlier questions there are about the same names.
type Round = (&'static str, usize);
type Rounds = BTreeMap<Round, (&'static Entry, Wanted)>;
type Answered = BTreeMap<Round, Stored>;

/// Asks about every resource, and stores an answer or a reason for each.
///
/// A kind answers by name, so a second question about the same name (what a baseline asked before) is a round of its own.
/// When all have answered, it is made sure that no definition changed in a database meanwhile; where one did, all that was
/// asked of that database is asked once more.
pub async fn collect(world: &Arc<World>, questions: &[Question], clock: &dyn Clock) -> Snapshot {
    let mut rounds = Rounds::new();
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
    let mut stored = ask(world, &rounds).await;
    settle(world, &rounds, &mut stored).await;
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

/// Asks everything at once. A kind whose task panicked leaves no answers; each of its resources then says so.
async fn ask(world: &Arc<World>, rounds: &Rounds) -> Answered {
    let mut tasks: JoinSet<(Round, Stored)> = JoinSet::new();
    for (round, (kind, wanted)) in rounds {
        let (round, kind, wanted) = (*round, *kind, wanted.clone());
        let world = Arc::clone(world);
        tasks.spawn(async move { (round, kind.observe(&world, &wanted).await) });
    }
    let mut stored = Answered::new();
    while let Some(outcome) = tasks.join_next().await {
        if let Ok((round, answers)) = outcome {
            stored.insert(round, answers);
        }
    }
    stored
}

/// Makes sure that no answer mixes two states of a database.
async fn settle(world: &Arc<World>, rounds: &Rounds, stored: &mut Answered) {
    let mut passed = fence::pass(world, BTreeMap::new()).await;
    let changed: BTreeSet<String> = changed(&passed).map(|(name, _)| name.clone()).collect();
    if !changed.is_empty() {
        let again = of_databases(rounds, &changed);
        let earlier = std::mem::take(&mut passed);
        let answers = ask(world, &again).await;
        passed = fence::pass(world, earlier).await;
        let still: BTreeMap<String, Unknown> = self::changed(&passed)
            .map(|(name, catalogs)| (name.clone(), fence::restless(catalogs)))
            .collect();
        for (round, answers) in answers {
            let stored = stored.entry(round).or_default();
            for (name, answer) in answers {
                let unknown = database_of(&again, round, &name).and_then(|name| still.get(name));
                let first = stored.get(&name);
                // What reads the same in two snapshots did not change, whatever else did.
                let answer = match unknown {
                    Some(why) if again[&round].0.past_snapshot() && first != Some(&answer) => {
                        Err(why.clone())
                    }
                    _ => answer,
                };
                stored.insert(name, answer);
            }
        }
    }
    let unproven: BTreeMap<String, Unknown> =
        passed.into_iter().filter_map(|(name, passed)| Some((name, passed.unproven()?))).collect();
    for (round, answers) in stored.iter_mut().filter(|(round, _)| rounds[round].0.past_snapshot()) {
        for (name, answer) in answers {
            let why = database_of(rounds, *round, name).and_then(|name| unproven.get(name));
            if let (Some(why), Ok(_)) = (why, &answer) {
                *answer = Err(why.clone());
            }
        }
    }
}

fn changed(passed: &BTreeMap<String, Passed>) -> impl Iterator<Item = (&String, &[String])> {
    passed.iter().filter_map(|(name, passed)| Some((name, passed.changed()?)))
}

/// What is asked of these databases.
fn of_databases(rounds: &Rounds, databases: &BTreeSet<String>) -> Rounds {
    let asks = |spec: &Arc<dyn Spec>| spec.database().is_some_and(|name| databases.contains(name));
    let mut of_databases = Rounds::new();
    for (round, (kind, wanted)) in rounds {
        let wanted: Wanted = wanted.iter().filter(|(_, spec)| asks(spec)).cloned().collect();
        if !wanted.is_empty() {
            of_databases.insert(*round, (*kind, wanted));
        }
    }
    of_databases
}

/// The database of a resource.
fn database_of<'a>(rounds: &'a Rounds, round: Round, name: &str) -> Option<&'a str> {
    let (_, wanted) = rounds.get(&round)?;
    wanted.iter().find(|(wanted, _)| wanted == name).and_then(|(_, spec)| spec.database())
}
