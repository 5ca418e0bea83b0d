//! From verdicts to steps, and to a reason for each drift that is left alone. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::format::{STEPS_MAX, Step};
use super::order::{Block, order, paths};
use super::waiting::{hold_back, is_removal};
use super::{Guarded, Left, Reach, Scope, Why};
use crate::action::{
    Action, Change, Condition, Needs, Remedy, Risk, Sql, Statement, Surroundings, Undo,
};
use crate::desired::{Desired, Resource};
use crate::drift::{Judged, Verdict};
use crate::model::display::escape;
use crate::model::{Decimal, Digest, ResourceName, Route};
use crate::observed::Snapshot;

/// All that a plan is made from.
#[derive(Debug)]
pub struct Input<'a> {
    /// What is wanted.
    pub desired: &'a Desired,
    /// What was found of every resource, in and out of the scope.
    pub judged: &'a [Judged<'a>],
    /// The answers behind it.
    pub snapshot: &'a Snapshot,
    /// What [`needs`] asked for.
    pub around: &'a Surroundings,
    /// What no step may change.
    pub guarded: &'a Guarded,
    /// What was asked for.
    pub scope: &'a Scope,
}

/// What would be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// In order, numbered from 1.
    pub steps: Vec<Step>,
    /// Every drift that no step changes, with the reason, in the order of names.
    pub left: Vec<Left>,
}

/// What has to be looked at before a plan can be made.
#[must_use]
pub fn needs(judged: &[Judged<'_>], scope: &Scope) -> Needs {
    let mut needs = Needs::default();
    let reach = scope.reach();
    for judged in judged.iter().filter(|judged| drifts(judged) && reach.covers(judged.resource)) {
        let resource = judged.resource;
        let own = resource.spec.needs(&resource.name.name);
        for (path, depth) in own.paths {
            needs.path(&path, depth);
        }
        needs.removed.extend(own.removed);
        needs.users.extend(own.users);
        needs.groups.extend(own.groups);
    }
    needs
}

const fn drifts(judged: &Judged<'_>) -> bool {
    matches!(judged.verdict, Verdict::Drift | Verdict::Pending)
}

/// What a resource's own changes are, before others are looked at.
pub(super) enum Own {
    Changes(Vec<Change>),
    /// With the resources that have to make a role for them in the same transaction.
    Statements(Vec<Statement>, BTreeSet<ResourceName>),
}

/// Decides what is done and what is left alone.
#[must_use]
pub fn propose(input: &Input<'_>) -> Proposal {
    let mut left: BTreeMap<ResourceName, Why> = BTreeMap::new();
    let mut own: BTreeMap<ResourceName, Own> = BTreeMap::new();
    let reach = input.scope.reach();
    for judged in input.judged {
        match of_one(input, &reach, judged) {
            None => {}
            Some(Ok(changes)) => {
                own.insert(judged.resource.name.clone(), changes);
            }
            Some(Err(why)) => {
                left.insert(judged.resource.name.clone(), why);
            }
        }
    }
    let wanted: BTreeMap<&ResourceName, &Resource> =
        input.judged.iter().map(|judged| (&judged.resource.name, judged.resource)).collect();
    with_roles_to_come(input, &wanted, &mut own, &mut left);
    hold_back(input, &wanted, &mut own, &mut left);
    let (ordered, circular) = order(blocks(input, &wanted, own));
    for block in circular {
        for name in block.resources {
            let other = block.after.iter().find(|other| **other != name);
            let on = other.map_or_else(|| "itself".to_owned(), ToString::to_string);
            left.insert(name, Why::Waits(on));
        }
    }
    let mut steps = Vec::new();
    for block in ordered {
        if steps.len() + block.content.len() > STEPS_MAX {
            left.extend(block.resources.into_iter().map(|name| (name, Why::TooMany)));
            continue;
        }
        let resources: Vec<String> = block.resources.iter().map(ToString::to_string).collect();
        for change in block.content {
            let Change { action, before, after, undo, risk } = change;
            let n = Decimal(steps.len() as u64 + 1);
            let resources = resources.clone();
            steps.push(Step { n, resources, action, before, after, undo, risk });
        }
    }
    let left = left.into_iter().map(|(resource, why)| Left { resource, why }).collect();
    Proposal { steps, left }
}

/// What one resource asks for by itself; `None` when it is in sync.
fn of_one(input: &Input<'_>, reach: &Reach<'_>, judged: &Judged<'_>) -> Option<Result<Own, Why>> {
    let resource = judged.resource;
    let why = match judged.verdict {
        Verdict::InSync => return None,
        Verdict::Unknown => {
            let blind = judged.comparison.blind.first().map(|blind| &blind.unknown);
            let detail = judged.unknown.as_ref().or(blind).map(|unknown| escape(&unknown.detail));
            Why::Unknown(detail.unwrap_or_default().into_owned())
        }
        _ if judged.waived => Why::Waived,
        _ if input.guarded.is_guard(&resource.name) => {
            Why::Guard("it is a guard, and no step ever changes a guard".to_owned())
        }
        _ if resource.common.route != Route::Host => Why::Route(resource.common.route),
        _ if !reach.covers(resource) => Why::OutOfScope,
        _ => return Some(remedy(input, input.around, resource)),
    };
    Some(Err(why))
}

fn remedy(input: &Input<'_>, around: &Surroundings, resource: &Resource) -> Result<Own, Why> {
    let unknown =
        |unknown: crate::model::Unknown| Why::Unknown(escape(&unknown.detail).into_owned());
    let seen = seen(input, resource).map_err(unknown)?;
    let remedy = match &resource.declared {
        Some(declared) => Remedy::Statements(vec![Statement {
            resource: resource.name.to_string(),
            text: declared.text.clone(),
            undo: declared.undo.clone(),
            rehearse: false,
            // Nobody but its author knows what it does.
            risk: Risk::High,
        }]),
        None => resource.spec.remedy(&resource.name.name, seen, around).map_err(unknown)?,
    };
    match remedy {
        Remedy::Nothing(why) => Err(Why::NoRemedy(why)),
        Remedy::Changes(changes) if changes.is_empty() => Err(moved()),
        Remedy::Statements(statements) if statements.is_empty() => Err(moved()),
        Remedy::Changes(changes) => {
            let guard = changes.iter().find_map(|change| input.guarded.touched(&change.action));
            if let Some(guard) = guard {
                let guard = escape(guard);
                return Err(Why::Guard(format!("the guard {guard} lives in what it would change")));
            }
            Ok(Own::Changes(changes))
        }
        Remedy::Statements(statements) => Ok(Own::Statements(statements, BTreeSet::new())),
    }
}

/// What was seen of a resource.
fn seen<'a>(
    input: &Input<'a>,
    resource: &Resource,
) -> Result<&'a serde_json::Value, crate::model::Unknown> {
    input.snapshot.answer_about(&resource.name, &*resource.spec)
}

fn moved() -> Why {
    let why = "it differs, and nothing is to be changed: it moved while the plan was made, or two names have one number";
    Why::Unknown(why.to_owned())
}

/// Asks once more about what has no remedy in databases in which this plan makes roles: now as it is once they are made.
fn with_roles_to_come(
    input: &Input<'_>,
    wanted: &BTreeMap<&ResourceName, &Resource>,
    own: &mut BTreeMap<ResourceName, Own>,
    left: &mut BTreeMap<ResourceName, Why>,
) {
    let mut coming: BTreeMap<&str, (BTreeSet<String>, BTreeSet<ResourceName>)> = BTreeMap::new();
    for resource in own.keys().filter_map(|name| wanted.get(name)) {
        let Some(database) = resource.spec.database() else { continue };
        let seen = seen(input, resource).ok();
        let brings = seen.and_then(|seen| resource.spec.brings(&resource.name.name, seen));
        if let Some(role) = brings {
            let (roles, makers) = coming.entry(database).or_default();
            roles.insert(role);
            makers.insert(resource.name.clone());
        }
    }
    for (database, (roles, makers)) in coming {
        let around = Surroundings { coming: roles, ..input.around.clone() };
        let waiting: Vec<&Resource> = left
            .iter()
            .filter(|(_, why)| matches!(why, Why::NoRemedy(_)))
            .filter_map(|(name, _)| wanted.get(name).copied())
            .filter(|resource| resource.spec.database() == Some(database))
            .collect();
        for resource in waiting {
            if let Ok(Own::Statements(statements, _)) = remedy(input, &around, resource) {
                left.remove(&resource.name);
                own.insert(resource.name.clone(), Own::Statements(statements, makers.clone()));
            }
        }
    }
}

/// What is to be done in one database.
#[derive(Default)]
struct OfDatabase {
    resources: BTreeSet<ResourceName>,
    after: BTreeSet<ResourceName>,
    /// Those of each resource, to be put in order.
    statements: Vec<Block<Vec<Statement>>>,
}

/// The kind without whose things nothing can be granted.
const FIRST: &str = "pg_role";

impl OfDatabase {
    /// All statements: roles before what is granted to them, and what others depend on before those. The same statement
    /// for two resources stands once.
    fn in_order(&mut self) -> Vec<Statement> {
        let is_role = |name: &&ResourceName| name.kind == FIRST;
        let roles: BTreeSet<ResourceName> =
            self.resources.iter().filter(is_role).cloned().collect();
        let mut blocks = std::mem::take(&mut self.statements);
        for block in blocks.iter_mut().filter(|block| !block.resources.iter().any(|n| is_role(&n)))
        {
            block.after.extend(roles.iter().cloned());
        }
        let (ordered, circular) = order(blocks);
        let mut said = BTreeSet::new();
        let all = ordered.into_iter().chain(circular).flat_map(|block| block.content);
        all.filter(|statement| said.insert(statement.text.clone())).collect()
    }
}

/// Puts changes together that run together: those of a resource, and all statements of a database.
fn blocks(
    input: &Input<'_>,
    wanted: &BTreeMap<&ResourceName, &Resource>,
    own: BTreeMap<ResourceName, Own>,
) -> Vec<Block<Vec<Change>>> {
    let mut blocks = Vec::new();
    let mut databases: BTreeMap<String, OfDatabase> = BTreeMap::new();
    for (name, own) in own {
        let Some(resource) = wanted.get(&name) else { continue };
        let after: BTreeSet<ResourceName> = resource.common.depends_on.iter().cloned().collect();
        match own {
            Own::Changes(changes) => blocks.push(Block {
                resources: [name].into(),
                after,
                removed: paths(
                    changes.iter().map(|change| &change.action).filter(|a| is_removal(a)),
                ),
                paths: paths(
                    changes.iter().map(|change| &change.action).filter(|a| !is_removal(a)),
                ),
                content: changes,
            }),
            Own::Statements(statements, _) => {
                let database = resource.spec.database().unwrap_or_default().to_owned();
                let of_database = databases.entry(database).or_default();
                of_database.resources.insert(name.clone());
                of_database.after.extend(after.iter().cloned());
                of_database.statements.push(Block {
                    resources: [name].into(),
                    after,
                    content: statements,
                    ..Block::default()
                });
            }
        }
    }
    for (database, mut of_database) in databases {
        let statements = of_database.in_order();
        let OfDatabase { resources, mut after, .. } = of_database;
        after.retain(|name| !resources.contains(name));
        let content = vec![transaction(input, wanted, database, &resources, statements)];
        blocks.push(Block { resources, after, content, ..Block::default() });
    }
    blocks
}

/// All statements of a database as one change.
fn transaction(
    input: &Input<'_>,
    wanted: &BTreeMap<&ResourceName, &Resource>,
    database: String,
    resources: &BTreeSet<ResourceName>,
    statements: Vec<Statement>,
) -> Change {
    let answers = resources.iter().filter_map(|name| {
        let resource = wanted.get(name)?;
        let seen = seen(input, resource).ok()?;
        Some((name.to_string(), answer_digest(seen)))
    });
    let before = Condition::Answers { database: database.clone(), answers: answers.collect() };
    let names = resources.iter().map(ToString::to_string).collect();
    let after = Condition::InSync { database: database.clone(), resources: names };
    let back: Option<Vec<Statement>> = statements
        .iter()
        .rev()
        .map(|statement| {
            let text = statement.undo.clone()?;
            Some(Statement { text, undo: Some(statement.text.clone()), ..statement.clone() })
        })
        .collect();
    let undo = match back {
        Some(statements) => {
            Undo::By(Box::new(Action::Sql(Sql { database: database.clone(), statements })))
        }
        None => Undo::Irreversible("one of its statements cannot be taken back".to_owned()),
    };
    let riskiest = statements.iter().map(|statement| statement.risk).max();
    let risk = match undo {
        Undo::By(_) => riskiest.unwrap_or(Risk::Medium),
        Undo::Irreversible(_) => Risk::High,
    };
    let action = Action::Sql(Sql { database, statements });
    Change { action, before, after, undo, risk }
}

/// The digest by which a stored answer is a precondition.
#[must_use]
pub fn answer_digest(seen: &serde_json::Value) -> Digest {
    // The text of a value has its keys in order: equal answers have equal texts.
    Digest::of(seen.to_string().as_bytes())
}
