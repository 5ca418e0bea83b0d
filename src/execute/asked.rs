//! What a step of a database is about, asked through any session: its resources, and the guards of the same database.

use std::sync::Arc;
use std::time::Duration;

use super::{Failed, Means};
use crate::action::{Condition, Sql};
use crate::model::{Clock as _, ResourceName, SystemClock};
use crate::observed::{self, Question, Snapshot};
use crate::plan::{Plan, Step, answer_digest};
use crate::probe::postgres::Session;
use crate::probe::{Threads, World};

/// How long one kind may take for all its resources.
const DEADLINE: Duration = Duration::from_mins(1);

/// The questions about a step.
pub(super) struct Asked<'a> {
    pub(super) means: Means<'a>,
    /// The database, by its name in desired state.
    pub(super) database: String,
    resources: Vec<Question>,
    guards: Vec<Question>,
}

impl<'a> Asked<'a> {
    /// Finds what a step is about in desired state.
    pub(super) fn of(
        step: &Step,
        sql: &Sql,
        plan: &Plan,
        means: Means<'a>,
    ) -> Result<Self, Failed> {
        let desired = (means.desired)().map_err(Failed)?;
        let question = |name: &str| {
            let resource = desired.resources.get(&ResourceName::parse(name)?)?;
            let of_database = resource.spec.database() == Some(&sql.database);
            let (name, kind) = (resource.name.clone(), resource.kind);
            of_database.then(|| Question { name, kind, spec: Arc::clone(&resource.spec) })
        };
        let mut resources = Vec::new();
        for name in &step.resources {
            let gone = || Failed(format!("desired state has no `{name}` of this database"));
            resources.push(question(name).ok_or_else(gone)?);
        }
        for condition in [&step.before, &step.after] {
            let named = named(condition, &sql.database);
            if named.is_none_or(|named| !named.into_iter().eq(&step.resources)) {
                return Err(Failed::new("its conditions are not about its resources"));
            }
        }
        let guards = plan.guards.keys().filter_map(|name| question(name)).collect();
        Ok(Self { means, database: sql.database.clone(), resources, guards })
    }

    /// Asks everything through a session.
    pub(super) async fn through(&self, session: Session) -> Snapshot {
        let world = World {
            host: Arc::clone(self.means.host),
            databases: [(self.database.clone(), Ok(session))].into(),
            smoke: self.means.config.smoke.value.clone(),
            caches: None,
            progress: Arc::default(),
            now: SystemClock.now(),
            deadline: DEADLINE,
            threads: Threads::Processors,
        };
        let world = Arc::new(world);
        let questions: Vec<Question> = self.resources.iter().chain(&self.guards).cloned().collect();
        let seen = observed::collect(&world, &questions, &SystemClock).await;
        world.close().await;
        seen
    }

    /// Is the state the one that was signed?
    pub(super) fn holds(&self, condition: &Condition, seen: &Snapshot) -> Result<(), String> {
        match condition {
            Condition::Answers { answers, .. } => {
                self.resources.iter().zip(answers).try_for_each(|(question, (name, digest))| {
                    match seen.answer(question) {
                        Ok(answer) if answer_digest(answer) == *digest => Ok(()),
                        Ok(_) => Err(format!("{name} is not what was signed any more")),
                        Err(why) => Err(format!("{name} cannot be told: {}", why.detail)),
                    }
                })
            }
            Condition::InSync { .. } => {
                self.resources.iter().try_for_each(|question| in_sync(question, seen))
            }
            _ => Err("its condition is none of a database".to_owned()),
        }
    }

    /// Does every guard hold that could be asked about? An executor is too powerful to evaluate the query of a guard;
    /// the observer does that afterwards.
    pub(super) fn guards(&self, seen: &Snapshot) -> Result<(), String> {
        let told = self.guards.iter().filter(|guard| seen.answer(guard).is_ok());
        told.into_iter().try_for_each(|guard| in_sync(guard, seen))
    }

    /// Do all guards hold?
    pub(super) fn guards_hold(&self, seen: &Snapshot) -> Result<(), String> {
        self.guards.iter().try_for_each(|guard| in_sync(guard, seen))
    }

    /// The answers, for whoever takes the step back; `None` where one is missing.
    pub(super) fn answers(&self, seen: &Snapshot) -> Option<Condition> {
        let answer = |question: &Question| {
            let digest = answer_digest(seen.answer(question).ok()?);
            Some((question.name.to_string(), digest))
        };
        let answers = self.resources.iter().map(answer).collect::<Option<_>>()?;
        Some(Condition::Answers { database: self.database.clone(), answers })
    }
}

/// The resources that a condition of this database is about.
fn named<'c>(condition: &'c Condition, of: &str) -> Option<Vec<&'c String>> {
    match condition {
        Condition::Answers { database, answers } if database == of => {
            Some(answers.iter().map(|(name, _)| name).collect())
        }
        Condition::InSync { database, resources } if database == of => {
            Some(resources.iter().collect())
        }
        _ => None,
    }
}

fn in_sync(question: &Question, seen: &Snapshot) -> Result<(), String> {
    let name = &question.name;
    let answer = seen.answer(question);
    let compared = answer.and_then(|answer| question.spec.diff(&name.name, answer));
    let compared = compared.map_err(|why| format!("{name} cannot be told: {}", why.detail))?;
    if let Some(difference) = compared.differences.first() {
        let (field, is, wanted) = (&difference.field, &difference.actual, &difference.desired);
        return Err(format!("{name}: {field} is {is}, where {wanted} is wanted"));
    }
    match compared.blind.first() {
        Some(blind) => {
            Err(format!("{name}: {} cannot be told: {}", blind.field, blind.unknown.detail))
        }
        None => Ok(()),
    }
}
