//! A plan that takes an applied one back, from what the ledger says was made.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::super::error::Failure;
use super::super::planning::{self, Planned, Request};
use super::super::world::{self, Opened};
use super::super::{exit, looking};
use crate::action::{Action, Depth, Needs, PathState};
use crate::approval::SEEN;
use crate::config::Config;
use crate::desired::Desired;
use crate::ledger::{Event, Ledger, Outcome, Reader};
use crate::model::{Clock, Decimal, Digest, ResourceName, Unknown};
use crate::observed::{self, Question, Snapshot};
use crate::plan::{self, Applied, Guarded, Plan, Present, Scope, Step};

/// Makes it.
pub(in crate::cli) fn plan(
    config: &Config,
    mut request: Request<'_>,
    ledger: Option<&Ledger>,
    earlier: &Plan,
    bytes: &[u8],
) -> Result<Planned, Failure> {
    let digest = Digest::of(bytes);
    let reader = match ledger {
        Some(ledger) => ledger.reader(),
        None => super::ledgers::read(config)?.ok_or_else(|| never(digest))?,
    };
    let applied = applied(&reader, digest)?;
    if applied.is_empty() {
        return Err(never(digest));
    }
    request.scope = Scope::Undo(digest);
    planning::run(async {
        let (tree, desired, warnings) = planning::desired(config, request.clock)?;
        let opened = world::open(config, &desired, request.deadline, false, &[]).await?;
        let host = planning::host(&opened.probe, &desired)?;
        if host.id != earlier.host.id {
            return Err(Failure::new(exit::REFUSED, "the plan was for another machine"));
        }
        let mut needs = Needs::default();
        let steps = || applied.iter().filter_map(|one| earlier.steps.iter().find(|s| s.n == one.n));
        for path in steps().filter_map(|step| step.action.path()) {
            needs.path(path, Depth::Content);
        }
        let around = observed::surroundings(&opened.probe, needs).await;
        let directories = around
            .paths
            .iter()
            .filter(|(_, state)| matches!(state, Ok(PathState::Directory { .. })))
            .map(|(path, _)| path.clone());
        let entries = observed::entries(&opened.probe, directories.collect()).await;
        let names = steps().filter(|step| step.action.database().is_some());
        let names: Vec<&String> = names.flat_map(|step| &step.resources).collect();
        let answers = answers(&opened, &desired, &names, request.clock).await;
        let guarded = Guarded::of(&desired, &config.guard);
        let keys = observed::keys(&opened.probe, homes(steps())).await;
        let present =
            Present { around: &around, entries: &entries, keys: &keys, answers: &answers };
        let proposal = plan::undo(earlier, &applied, present, &guarded);
        let broken = looking::broken_guards(&opened, &desired, &guarded, request.clock).await;
        let identities = opened.database_identities();
        let databases = planning::of_steps(&proposal.steps, &identities)?;
        opened.probe.close().await;
        if databases.iter().any(|(name, now)| earlier.databases.get(name) != Some(now)) {
            return Err(Failure::new(exit::REFUSED, "the plan was for another database"));
        }
        let steps = proposal.steps;
        let plan =
            planning::assemble(request, (&tree, &desired), host, databases, guarded.pins, steps);
        let (left, notes) = (proposal.left, opened.notes);
        let desired = Arc::new(desired);
        Ok(Planned { plan, desired, identities, left, broken, notes, warnings })
    })
}

/// The homes of GnuPG that steps are about, with the keys.
fn homes<'a>(steps: impl Iterator<Item = &'a Step>) -> BTreeSet<(String, String)> {
    let about = steps.filter_map(|step| match &step.action {
        Action::ImportKey { home, fingerprint, .. } => Some((home.clone(), fingerprint.clone())),
        _ => None,
    });
    about.collect()
}

/// What the databases answer now about these resources, as far as desired state still has them.
async fn answers(
    opened: &Opened,
    desired: &Desired,
    names: &[&String],
    clock: &dyn Clock,
) -> BTreeMap<String, Result<Digest, Unknown>> {
    let resources =
        names.iter().filter_map(|name| desired.resources.get(&ResourceName::parse(name)?));
    let questions: Vec<Question> = resources
        .map(|resource| {
            let (name, kind) = (resource.name.clone(), resource.kind);
            Question { name, kind, spec: Arc::clone(&resource.spec) }
        })
        .collect();
    let mut withheld = Snapshot::empty(clock.now());
    let asked = opened.withhold(questions.clone(), &mut withheld);
    let mut seen = observed::collect(&opened.probe, &asked, clock).await;
    seen.answers.append(&mut withheld.answers);
    let answer = |question: &Question| {
        (question.name.to_string(), seen.answer(question).map(plan::answer_digest))
    };
    questions.iter().map(answer).collect()
}

fn never(digest: Digest) -> Failure {
    Failure::new(exit::ERROR, format!("no step of plan {digest:?} was applied on this host"))
        .hint("`countersign ledger show` lists what was")
}

/// The steps of a plan that were applied and not taken back since, with what was seen afterwards.
pub(in crate::cli) fn applied(reader: &Reader, plan: Digest) -> Result<Vec<Applied>, Failure> {
    let mut applied: BTreeMap<Decimal, Applied> = BTreeMap::new();
    for entry in reader.entries()? {
        let entry = entry?;
        let Event::StepOutcome(outcome) = &entry.event else { continue };
        if outcome.plan != plan || !matches!(outcome.outcome, Outcome::Applied | Outcome::Recovered)
        {
            continue;
        }
        let seen = entry.attachments.iter().find(|attached| attached.name == SEEN);
        let seen = match seen {
            Some(attached) => serde_json::from_slice(&reader.blob(&attached.sha256)?).ok(),
            None => None,
        };
        applied.insert(outcome.step, Applied { n: outcome.step, seen });
    }
    Ok(applied.into_values().collect())
}
