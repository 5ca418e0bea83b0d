//! Everything that has to hold before a plan may be begun, in order. The first that does not is the refusal.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::super::error::Failure;
use super::super::planning::{self, CLOCK, Planned, Request};
use super::super::refusal::Refusal;
use super::super::{exit, ledgers, show, statements};
use super::Arguments;
use crate::approval::{self, About, Question, QuorumMet, Signed, Statement};
use crate::config::{Config, strict};
use crate::desired::{DatabaseIdentity, Desired};
use crate::ledger::event::{ApprovalAccepted, ApprovalRefused};
use crate::ledger::{Event, Ledger};
use crate::model::display::escape;
use crate::model::{Clock as _, Digest, Period, sshsig};
use crate::plan::format::HostId;
use crate::plan::{self, Plan, Scope};
use crate::probe::host::Host;

/// By how much the clock may be behind the newest entry.
const BEHIND_MS_MAX: u64 = 5_000;

/// What came through all gates.
pub(super) struct Passed {
    pub(super) plan: Plan,
    pub(super) bytes: Vec<u8>,
    pub(super) met: QuorumMet,
    /// The desired state from which the plan came out the same once more.
    pub(super) desired: Arc<Desired>,
}

pub(super) struct Gates<'a> {
    pub(super) config: &'a Config,
    pub(super) host: &'a Host,
    pub(super) arguments: &'a Arguments,
    pub(super) deadline: Duration,
}

impl Gates<'_> {
    /// Passes all of them, or says which one did not open.
    pub(super) fn pass(&self, ledger: &mut Ledger) -> Result<Passed, Refusal> {
        let (plan, bytes) = show::read(&self.arguments.plan)
            .map_err(|failure| Refusal::new("plan_malformed", failure))?;
        let digest = Digest::of(&bytes);
        let about = |refusal: Refusal| Refusal { plan: Some(digest), ..refusal };
        // A plan for another machine is not sealed here either, and that would not be the reason.
        self.identity(&plan).map_err(about)?;
        sealed(ledger, digest).map_err(about)?;
        // Asked early, because a plan that was run does not come out the same any more, and that would not be the reason.
        self.unused(&plan, digest).map_err(about)?;
        time(&plan, ledger).map_err(about)?;
        self.reachable(&plan).map_err(about)?;
        let (broken, desired) = self.replanned(&plan, ledger).map_err(about)?;
        let met = self.approved(&plan, digest, ledger).map_err(about)?;
        guards(&broken).map_err(about)?;
        let accepted = ledgers::accept(self.config, &plan.source.commit, ledger);
        accepted.map_err(|failure| about(Refusal::new("source_unverified", failure)))?;
        let marked = ledgers::mark_used(self.config, digest);
        marked.map_err(|failure| about(Refusal::new("not_marked", failure)))?;
        Ok(Passed { plan, bytes, met, desired })
    }

    /// Can its databases be changed at all? A plan must not be used up to find out.
    fn reachable(&self, plan: &Plan) -> Result<(), Refusal> {
        let unreachable = |name: &&String| !self.config.executors.contains_key(*name);
        let Some(name) = plan.databases.keys().find(unreachable) else { return Ok(()) };
        let name = escape(name);
        let message = format!("the host's configuration has no [database.{name}] executor");
        let failure = Failure::new(exit::CONFIG, message)
            .hint("executor = { url = \"postgres://ROLE@/DATABASE?host=/run/postgresql\" }");
        Err(Refusal::new("no_executor", failure))
    }

    fn unused(&self, plan: &Plan, digest: Digest) -> Result<(), Refusal> {
        let used = statements::consumed(self.config, plan, digest);
        if !used.map_err(|failure| Refusal::new("ledger_unreadable", failure))? {
            return Ok(());
        }
        let word = approval::Word::Consumed;
        let failure = Failure::new(word.exit(), format!("{}: {}", word.title(), plan.id));
        Err(Refusal::new(word.code(), failure.hint(word.hint())))
    }

    /// Is this the machine?
    fn identity(&self, plan: &Plan) -> Result<(), Refusal> {
        let id = self.host.machine_id().map(|machine_id| HostId::id_of(&machine_id));
        match id {
            Ok(id) if id == plan.host.id => Ok(()),
            Ok(id) => {
                let message =
                    format!("the plan is for machine {:?}, and this is {id:?}", plan.host.id);
                let failure = Failure::new(exit::REFUSED, message)
                    .hint("plan and approve on the machine that is meant");
                Err(Refusal::new("wrong_host", failure))
            }
            Err(why) => {
                let message = format!("this machine cannot be told from others: {}", why.detail);
                let failure = Failure::new(exit::REFUSED, message)
                    .hint("a machine has one line in /etc/machine-id; see machine-id(5)");
                Err(Refusal::new("host_unverified", failure))
            }
        }
    }

    /// Makes the plan again, from the commit that is accepted now and the world as it is now.
    fn replanned(
        &self,
        plan: &Plan,
        ledger: &Ledger,
    ) -> Result<(Vec<String>, Arc<Desired>), Refusal> {
        let stale =
            |failure: Failure| Refusal::new(failure.word.unwrap_or("replan_failed"), failure);
        let request = Request {
            scope: plan.scope.clone(),
            id: plan.id.clone(),
            valid: Period::from_seconds(1),
            deadline: self.deadline,
            ledgers: [("executor".to_owned(), ledgers::id(ledger))].into(),
            trust: plan.trust,
            reader: Some(ledger.reader()),
            clock: &CLOCK,
        };
        if request.ledgers != plan.ledgers {
            let message = "the plan was sealed on another ledger than this host has";
            let failure = Failure::new(exit::VERIFICATION, message)
                .hint("make a new plan, and find out where the other ledger is");
            return Err(Refusal::new("other_ledger", failure));
        }
        let Planned { plan: again, broken, desired, identities, .. } = match &plan.scope {
            Scope::Undo(earlier) => {
                let bytes =
                    ledger.reader().blob(earlier).map_err(|e| Refusal::new(e.code(), e.into()))?;
                let earlier =
                    Plan::read(&bytes).map_err(|e| stale(Failure::of(exit::VERIFICATION, &e)))?;
                super::super::plan::undo::plan(self.config, request, Some(ledger), &earlier, &bytes)
            }
            _ => planning::run(planning::plan(self.config, request)),
        }
        .map_err(stale)?;
        cluster(plan, &identities)?;
        let effects = (plan::effect(plan), plan::effect(&again));
        match effects {
            (Ok(signed), Ok(now)) if signed == now => Ok((broken, desired)),
            _ => Err(Refusal::new("stale_plan", stale_plan(plan, &again))),
        }
    }

    /// Have enough people signed it, and is that still so now?
    fn approved(
        &self,
        plan: &Plan,
        digest: Digest,
        ledger: &mut Ledger,
    ) -> Result<QuorumMet, Refusal> {
        let trust =
            strict::trust(self.config).map_err(|e| Refusal::new("trust_unusable", e.into()))?;
        if plan.trust != Some(trust.digest) {
            let message = "the trust file is not the one that the plan was made under";
            let failure = Failure::new(exit::STALE, message)
                .hint("make the plan again, and have it approved by whom the host trusts now");
            return Err(Refusal::new("trust_changed", failure));
        }
        let unreadable = |failure| Refusal::new("statement_unreadable", failure);
        let gathered = statements::gather(self.config, digest, &self.arguments.approval, true);
        let gathered = gathered.map_err(unreadable)?;
        let authors = statements::authors(self.config, &trust, plan)
            .map_err(|failure| Refusal::new("author_unreadable", failure))?;
        let about = About::of(plan, digest, authors);
        let judgement = approval::judge(&Question {
            about: &about,
            statements: &gathered.statements,
            trust: &trust,
            now: CLOCK.now().max(ledger.newest()),
            consumed: statements::consumed(self.config, plan, digest).map_err(unreadable)?,
            remote: &gathered.remote,
        });
        witnessed(&judgement, &gathered.statements, ledger)?;
        record(&judgement, digest, &gathered.statements, ledger)
            .map_err(|e| Refusal::new(e.code(), e.into()))?;
        let exit = judgement.exit();
        judgement.decide().map_err(|against| {
            let lines: Vec<String> = against.iter().map(ToString::to_string).collect();
            let hint = against.first().map_or("", |refusal| refusal.word.hint());
            let code = against.first().map_or("missing", |refusal| refusal.word.code());
            Refusal::new(code, Failure::new(exit, lines.join("\n")).hint(hint))
        })
    }
}

/// Are its databases those that it was made for?
fn cluster(plan: &Plan, identities: &BTreeMap<String, DatabaseIdentity>) -> Result<(), Refusal> {
    for (name, signed) in &plan.databases {
        let Some(now) = identities.get(name) else { continue };
        let cluster = now.system_identifier.as_ref();
        if cluster.is_none_or(|cluster| *cluster == signed.system_identifier)
            && now.name.as_ref().is_none_or(|now| *now == signed.name)
        {
            continue;
        }
        let message = format!(
            "the plan is for database `{}` of cluster {}, and this is `{}` of {}",
            escape(&signed.name),
            escape(&signed.system_identifier),
            escape(now.name.as_deref().unwrap_or("?")),
            escape(cluster.map_or("?", String::as_str)),
        );
        return Err(Refusal::new("wrong_cluster", Failure::new(exit::REFUSED, message)));
    }
    Ok(())
}

/// Does the ledger know it, byte for byte?
fn sealed(ledger: &Ledger, digest: Digest) -> Result<(), Refusal> {
    let entries = ledger.reader().entries();
    let entries = entries.map_err(|e| Refusal::new(e.code(), e.into()))?;
    for entry in entries {
        let entry = entry.map_err(|e| Refusal::new(e.code(), e.into()))?;
        if matches!(&entry.event, Event::PlanSealed(sealed) if sealed.plan == digest) {
            return Ok(());
        }
    }
    let message = format!("plan {digest:?} was not sealed on this host");
    let failure = Failure::new(exit::VERIFICATION, message).hint(
        "it was edited, is a draft, or is for another host: `countersign plan -o FILE` seals one",
    );
    Err(Refusal::new("not_sealed", failure))
}

/// Is it still time for it?
fn time(plan: &Plan, ledger: &mut Ledger) -> Result<(), Refusal> {
    let behind = ledger.clock_behind();
    if behind > BEHIND_MS_MAX {
        let event = crate::ledger::event::ClockRegressed { by_ms: crate::model::Decimal(behind) };
        let recorded = ledger.append(&event.into(), &[]);
        recorded.map_err(|e| Refusal::new(e.code(), e.into()))?;
        let message = format!("the clock is {behind} ms behind the newest entry of the ledger");
        let failure = Failure::new(exit::REFUSED, message)
            .hint("an approval that has expired must not count again: set the clock right");
        return Err(Refusal::new("clock_regressed", failure));
    }
    let now = CLOCK.now().max(ledger.newest());
    if now <= plan.valid_until {
        return Ok(());
    }
    let message = format!("the plan was valid until {}", plan.valid_until);
    Err(Refusal::new("plan_expired", Failure::new(exit::STALE, message).hint("make a new one")))
}

/// Is the ledger still the one that the approvers saw? Each of their checkpoints names a root that it must have had.
fn witnessed(
    judgement: &approval::Judgement,
    statements: &[Signed],
    ledger: &Ledger,
) -> Result<(), Refusal> {
    let reader = ledger.reader();
    for accepted in &judgement.accepted {
        let signed = statements.iter().find(|signed| signed.id() == accepted.statement);
        let statement = signed.and_then(|signed| Statement::parse(&signed.statement).ok());
        for seen in statement.into_iter().flat_map(|statement| statement.checkpoints) {
            let had = reader.root_at(seen.size).map_err(|e| Refusal::new(e.code(), e.into()))?;
            if seen.origin == reader.key().origin() && had == Some(seen.root) {
                continue;
            }
            let (who, size) = (escape(&accepted.approver), seen.size);
            let message = format!(
                "{who} saw a ledger `{}` of {size} entries, and this one, of {}, never was that",
                escape(&seen.origin),
                reader.size()
            );
            let failure = Failure::new(exit::VERIFICATION, message).hint(
                "the ledger was shortened or written anew: nothing is changed on its word; find out by whom, and restore it",
            );
            return Err(Refusal::new("ledger_contradicted", failure));
        }
    }
    Ok(())
}

/// Puts on the ledger what every statement came to.
fn record(
    judgement: &approval::Judgement,
    plan: Digest,
    statements: &[Signed],
    ledger: &mut Ledger,
) -> Result<(), crate::ledger::LedgerError> {
    let bytes_of = |id: Digest| statements.iter().find(|signed| signed.id() == id);
    // The same words may be there with several signatures; what counted is the one of this key.
    let counted = |id: Digest, key: &str| {
        statements.iter().filter(|signed| signed.id() == id).find(|signed| {
            let verified =
                sshsig::verify(&signed.signature, &signed.statement, approval::NAMESPACE);
            verified.is_ok_and(|verified| verified.key.fingerprint() == key)
        })
    };
    for accepted in &judgement.accepted {
        let event = ApprovalAccepted {
            plan,
            statement: accepted.statement,
            approver: accepted.approver.clone(),
            role: accepted.role.clone(),
            decision: "approve".to_owned(),
            key: accepted.key.clone(),
        };
        append(&event.into(), counted(accepted.statement, &accepted.key), ledger)?;
    }
    for refused in &judgement.refused {
        let Some(statement) = refused.statement else { continue };
        let event = ApprovalRefused {
            plan: Some(plan),
            statement,
            code: refused.word.code().to_owned(),
            detail: refused.detail.clone(),
        };
        append(&event.into(), bytes_of(statement), ledger)?;
    }
    Ok(())
}

fn append(
    event: &Event,
    signed: Option<&Signed>,
    ledger: &mut Ledger,
) -> Result<(), crate::ledger::LedgerError> {
    use crate::ledger::Attachment;
    let attached = signed.map(|signed| {
        [
            Attachment { name: "statement", bytes: &signed.statement },
            Attachment { name: "signature", bytes: &signed.signature },
        ]
    });
    ledger.append(event, attached.as_ref().map_or(&[], |attached| attached.as_slice()))?;
    Ok(())
}

/// Guards hold before a plan begins.
fn guards(broken: &[String]) -> Result<(), Refusal> {
    if broken.is_empty() {
        return Ok(());
    }
    let names = escape(&broken.join(", ")).into_owned();
    let failure = Failure::new(exit::REFUSED, format!("a guard does not hold: {names}"))
        .hint("`countersign check` says what it found; nothing is applied until every guard holds");
    Err(Refusal::new("guard_broken", failure))
}

fn stale_plan(signed: &Plan, again: &Plan) -> Failure {
    let differs =
        signed.steps.iter().zip(&again.steps).find(|(signed, again)| signed != again).map(
            |(signed, again)| {
                format!(
                    "step {}: signed was `{}`, now it would be `{}`",
                    signed.n, signed.action, again.action
                )
            },
        );
    let counts = || {
        format!(
            "signed were {} steps, now there would be {}",
            signed.steps.len(),
            again.steps.len()
        )
    };
    let what = if signed.steps.len() == again.steps.len() {
        differs.unwrap_or_else(|| "guards, host or databases are others".to_owned())
    } else {
        counts()
    };
    Failure::new(exit::STALE, format!("the plan would not come out the same any more: {what}"))
        .hint("the host or desired state has moved: make a new plan, and have that approved")
}
