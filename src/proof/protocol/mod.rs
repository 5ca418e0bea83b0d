//! The protocol: two sessions of two roles, of which one runs the contract and can commit nothing, and the other sees what is left.
//!
//! 1. The observer finds what can be reached from the contract, and refuses what could leave the transaction unseen.
//! 2. It opens a window: which transactions are open, how far sequences have come, what witness and leak probe count.
//! 3. The prover logs in as the application's role on a connection of its own, begins, and takes the pill: a row whose deferred
//!    trigger, of a role that it has no part in, refuses every commit.
//! 4. The observer sees that very transaction open. The contract runs inside of a statement that always ends in an error.
//! 5. The prover rolls back and closes its connection; the observer waits until its process is gone.
//! 6. The observer asks the server what became of every transaction of the window, and looks at everything once more.
//!
//! Nothing here commits. Whatever goes wrong on the way ends in a verdict that is not green.

mod closure;
mod foreign;
mod powers;
mod prover;
mod rehearsal;
mod window;
mod wrapper;

use std::time::{Duration, Instant};

use super::{Attempt, Evidence, Judged, Server, Verdict, judge, judge_script};
use crate::desired::{Contract, Proof};
use crate::killswitch::{Armed, Verb};
use crate::model::{Clock, Decimal, Reason, RelationName, Unknown, display};
use crate::probe::postgres::{Identity, Limits, Param, Session, Settings};
use closure::Closure;
use powers::Rights;
use prover::{Pill, Prover, Stop};
pub use rehearsal::rehearse;
use window::Window;

/// How often a quiet moment is waited for.
const ATTEMPTS_MAX: u64 = 5;
/// How long is waited before the second try; twice as long before each further one.
const PAUSE: Duration = Duration::from_millis(100);

/// Who takes part, and what is new in this run.
#[derive(Debug)]
pub struct Parties<'a> {
    /// How the observer reaches the database.
    pub observer: &'a Settings,
    /// How the role of the contract does.
    pub prover: &'a Settings,
    /// The schema of the guard objects.
    pub guard: &'a str,
    /// Random letters and digits.
    pub nonce: &'a str,
}

/// Runs a proof. It connects only now, with the switch on.
///
/// Whatever happens is in the evidence: there is no error besides.
pub async fn prove(
    name: &str,
    proof: &Proof,
    parties: &Parties<'_>,
    armed: Armed,
    clock: &dyn Clock,
) -> Evidence {
    let run = Run { contract: &proof.contract, parties, script: false };
    run.through((name, proof.title.clone()), armed, clock).await
}

/// What is run.
struct Run<'a> {
    contract: &'a Contract,
    parties: &'a Parties<'a>,
    /// Is it a list of statements of a plan?
    script: bool,
}

impl Run<'_> {
    fn judge(&self, attempt: &Attempt) -> Judged {
        if self.script {
            judge_script(self.contract, attempt)
        } else {
            judge(self.contract, attempt)
        }
    }

    async fn through(
        &self,
        (name, title): (&str, Option<String>),
        armed: Armed,
        clock: &dyn Clock,
    ) -> Evidence {
        let mut evidence = self.nothing_yet(name, title, clock);
        // Spent by acting on it.
        if armed.verb() != Verb::Prove {
            evidence.because.push("the switch was asked about another verb".to_owned());
            return evidence;
        }
        match Session::open(self.parties.observer, Limits::default()).await {
            Ok(session) => {
                self.watched(&session, &mut evidence).await;
                session.close().await;
            }
            Err(why) => evidence.attempt.trouble.push(why.of("the observer").detail),
        }
        let Judged { verdict, because, mut remarks, .. } = self.judge(&evidence.attempt);
        if evidence.attempts.0 > 1 {
            let before = evidence.attempts.0 - 1;
            remarks.push(format!("of {before} tries before, others did too much to tell; only the leak probe speaks of them"));
        }
        (evidence.verdict, evidence.because, evidence.remarks) = (verdict, because, remarks);
        evidence
    }

    fn nothing_yet(&self, name: &str, title: Option<String>, clock: &dyn Clock) -> Evidence {
        let (contract, parties) = (self.contract, self.parties);
        Evidence {
            countersign: "proof".to_owned(),
            v: "1".to_owned(),
            proof: name.to_owned(),
            title,
            verdict: Verdict::Inconclusive,
            because: Vec::new(),
            remarks: Vec::new(),
            contract: contract.digest(),
            closure: None,
            expect: contract.expect.clone(),
            role: contract.role.clone(),
            observer: None,
            server: None,
            nonce: parties.nonce.to_owned(),
            began: clock.now(),
            attempts: Decimal(0),
            attempt: Attempt::default(),
        }
    }

    /// Tries until a moment was quiet enough to tell.
    async fn watched(&self, session: &Session, evidence: &mut Evidence) {
        let (pill, rights) = match self.prepared(session, evidence).await {
            Ok(prepared) if evidence.attempt.unprovable.is_empty() => prepared,
            Ok(_) => return,
            Err(why) => return evidence.attempt.trouble.push(why.detail),
        };
        let mut pause = PAUSE;
        for n in 1..=ATTEMPTS_MAX {
            evidence.attempts = Decimal(n);
            let mut attempt = Attempt::default();
            if let Err(why) = self.once(session, (&pill, &rights), &mut attempt).await {
                attempt.trouble.push(why.detail);
            }
            let again = self.judge(&attempt).again;
            evidence.attempt = attempt;
            if !again {
                return;
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
    }

    /// Everything that has to be so before the prover connects.
    async fn prepared(
        &self,
        session: &Session,
        evidence: &mut Evidence,
    ) -> Result<(Pill, Rights), Unknown> {
        let (contract, parties) = (self.contract, self.parties);
        let identity = session.identity();
        evidence.observer = Some(identity.session_role.clone());
        evidence.server = Some(Server {
            system_identifier: identity.system_identifier.clone()?,
            database: identity.database.clone(),
            version: identity.version(),
        });
        let unprovable = &mut evidence.attempt.unprovable;
        if identity.standby {
            unprovable.push("a standby answers, where nothing can be written".to_owned());
        }
        if identity.session_role == contract.role {
            unprovable.push(
                "observer and prover are one role: a session cannot be its own witness".to_owned(),
            );
        }
        sees_all(session).await?;
        if self.script {
            // The executor changes things by its office, and its statements are no functions to follow.
            return Ok((pill(session, parties.guard).await?, Rights::default()));
        }
        let closure = Closure::of(session, contract).await?;
        let rights = Rights::of(session, self, &closure).await?;
        let mut powers = Identity::powers_of(session, &contract.role).await?;
        powers.extend(rights.powers.iter().cloned());
        powers.sort();
        powers.dedup();
        if !powers.is_empty() {
            let why = format!(
                "`{}` is {}: what a proof rests on, it could undo",
                contract.role,
                powers.join(", ")
            );
            unprovable.push(why);
        }
        unprovable.extend(closure.faults(contract));
        let unseen = powers::unseen(session).await?;
        let unseen = unseen.into_iter().filter(|name| !contract.trusted_functions.contains(name));
        unprovable.extend(unseen.map(|name| {
            format!(
                "{name} is in this database: no call of it is recorded, and it could do anything"
            )
        }));
        let lasting = powers::lasting_expressions(session).await?;
        let lasting = lasting
            .into_iter()
            .filter(|(_, function)| !contract.trusted_functions.contains(function));
        unprovable.extend(lasting.map(|(relation, function)| {
            let relation = display::escape(&relation);
            format!(
                "an expression of {relation} calls {function}: no rollback takes back what it does"
            )
        }));
        evidence.closure = Some(closure.digest());
        Ok((pill(session, parties.guard).await?, rights))
    }

    /// The protocol, once.
    async fn once(
        &self,
        session: &Session,
        (pill, rights): (&Pill, &Rights),
        attempt: &mut Attempt,
    ) -> Result<(), Unknown> {
        let (contract, parties) = (self.contract, self.parties);
        let opened = Instant::now();
        let window = Window::open(session).await?;
        attempt.before = Some(window::outside(session, contract).await?);
        let prover = match Prover::begin(self, pill).await {
            Ok(prover) => prover,
            Err(Stop::Unknown(why)) => return Err(why.of("the prover")),
            Err(Stop::NoStatement(why)) => {
                attempt.unprovable.push(why);
                return Ok(());
            }
        };
        attempt.transaction = Some(prover.xid.clone());
        let (xid, pid) = (prover.xid.clone(), prover.pid.clone());
        // 32 bits of it are shown.
        let seen = window::held_by(session, &pid).await;
        let short = |text: &str| text.parse::<u64>().ok().map(|number| number & 0xffff_ffff);
        match seen {
            Ok(Some(seen)) if short(&seen) == short(&xid) => {
                prover.run(self, pill).await.into_attempt(attempt);
            }
            other => {
                prover.leave().await;
                let why = match other {
                Ok(_) => "the observer does not see the transaction of the prover: is there a pooler between?".to_owned(),
                Err(why) => why.detail,
            };
                attempt.trouble.push(why);
            }
        }
        let closed = window.close(session, (&xid, &pid)).await?;
        attempt.trouble.extend(closed.trouble);
        let committed = (closed.committed.as_slice(), closed.alone);
        let about = (contract, attempt.inside.as_ref(), parties.nonce);
        let foreign = foreign::attribute(session, &window, committed, about).await?;
        attempt.census = Some(super::Census { foreign, ..closed.census });
        attempt.after = Some(window::outside(session, contract).await?);
        rights.tell(session, self, attempt).await?;
        attempt.window_us = Some(microseconds(opened.elapsed()));
        Ok(())
    }
}

/// Without that, transactions of others could not be told from those of the proof.
async fn sees_all(session: &Session) -> Result<(), Unknown> {
    const SEES: &str = "SELECT pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE')::text";
    let rows = session.ask(SEES, &[]).await?;
    if rows.first().and_then(|row| row.first()?.as_deref()) == Some("true") {
        return Ok(());
    }
    let role = &session.identity().session_role;
    let detail = format!(
        "the observer does not see the sessions of others: GRANT pg_read_all_stats TO {role}"
    );
    Err(Unknown::new(Reason::PermissionDenied, detail))
}

/// The table whose trigger refuses every commit. That it is as it should be was compared with desired state before.
async fn pill(session: &Session, schema: &str) -> Result<Pill, Unknown> {
    const PILL: &str = "SELECT c.oid::text FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
        WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind = 'r'";
    let table = RelationName { schema: schema.to_owned(), name: "pill".to_owned() };
    let rows = session.ask(PILL, &[Param::Text(&table.schema), Param::Text(&table.name)]).await?;
    let oid = rows.first().and_then(|row| row.first()?.as_ref()?.parse().ok());
    let oid =
        oid.ok_or_else(|| Unknown::new(Reason::NotConfigured, format!("{table} is not there")))?;
    Ok(Pill { table, oid })
}

fn microseconds(time: Duration) -> Decimal {
    Decimal(u64::try_from(time.as_micros()).unwrap_or(u64::MAX))
}
