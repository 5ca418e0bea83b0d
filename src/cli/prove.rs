//! `countersign prove`: runs statements of desired state on the real database, in transactions that cannot commit.

mod gates;
mod list;
mod set;
mod story;

use serde::Serialize;

use super::error::Failure;
use super::output::Output;
use super::planning::{self, CLOCK};
use super::refusal::{self, Refusal};
use super::{Global, context, exit, looking};
use crate::config::{Config, strict};
use crate::killswitch::{self, Verb};
use crate::ledger::event::{ProofIntent, ProofOutcome, Refused};
use crate::ledger::{Attachment, Event, Ledger};
use crate::model::{Digest, json};
use crate::proof::{Evidence, SetResult, Verdict, protocol};
use gates::{Cleared, Gates};
pub(super) use gates::{guard_of, settings};

/// Run statements on the real database in transactions that cannot commit
#[derive(Debug, clap::Args)]
#[command(
    override_usage = "countersign prove [OPTIONS] <NAME>...\n       countersign prove [OPTIONS] --all\n       countersign prove [OPTIONS] --list",
    after_help = "Takes host, source, switch and databases from the host's own configuration alone. Ends with 0 when everything came out \
                  as expected and nothing stayed, 1 when a contract failed or had no effect, 2 when a resource of a set drifts, 4 when it cannot be told, 7 when \
                  it is refused, 8 when something stayed."
)]
pub(super) struct Arguments {
    /// Proofs and sets of proofs: NAME, proof.NAME or proofset.NAME
    #[arg(value_name = "NAME", required_unless_present_any = ["all", "list"])]
    names: Vec<String>,
    /// Every proof of this host
    #[arg(long, conflicts_with = "names")]
    all: bool,
    /// List proofs and sets with the digests that a host admits; run nothing
    #[arg(long, conflicts_with = "all")]
    list: bool,
    /// How long one kind of resource may take
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    deadline: u64,
}

/// What came of everything.
#[derive(Default)]
struct Results {
    proofs: Vec<Evidence>,
    /// The proofs of sets.
    of_sets: Vec<Evidence>,
    sets: Vec<SetResult>,
    /// Guards that do not hold afterwards.
    broken: Vec<String>,
}

pub(super) fn run(arguments: &Arguments, global: &Global, output: &Output) -> Result<u8, Failure> {
    if arguments.list {
        return list::run(&context::config(global, false)?, output);
    }
    let config = strict::load(&global.overrides())?;
    // Before anything else is opened.
    if let Err(halted) = killswitch::check(&config, Verb::Prove) {
        return Err(refusal::switched_off(&config, Verb::Prove, None, &halted));
    }
    let (_, mut ledger) = refusal::open(&config)?;
    abandoned(&mut ledger, output)?;
    let gates = Gates { config: &config, arguments };
    let cleared = match gates.pass() {
        Ok(cleared) => cleared,
        Err(refusal) => return Err(refusal.record(Verb::Prove, &mut ledger)),
    };
    let mut results = Results::default();
    let ran = everything(&cleared, &config, arguments, &mut ledger, &mut results);
    if let Err(refusal) = ran {
        // What was proven until then stands on the ledger, and is told all the same.
        show(&results, &config, global, output)?;
        return Err(refusal.record(Verb::Prove, &mut ledger));
    }
    results.broken = guards_afterwards(&cleared, &config, arguments, &mut ledger);
    ledger.checkpoint()?;
    show(&results, &config, global, output)?;
    Ok(results.code())
}

/// The proofs that were named, then the sets.
fn everything(
    cleared: &Cleared,
    config: &Config,
    arguments: &Arguments,
    ledger: &mut Ledger,
    results: &mut Results,
) -> Result<(), Refusal> {
    for name in &cleared.proofs {
        let evidence = one(name, cleared, config, ledger)?;
        results.proofs.push(evidence);
    }
    for name in &cleared.sets {
        let (set, proofs) = set::run(name, cleared, config, arguments, ledger)?;
        results.of_sets.extend(proofs);
        results.sets.push(set);
    }
    Ok(())
}

/// Runs one proof, between its intent and its outcome on the ledger.
fn one(
    name: &str,
    cleared: &Cleared,
    config: &Config,
    ledger: &mut Ledger,
) -> Result<Evidence, Refusal> {
    let (Some(proof), Some(way)) = (cleared.desired.proofs.get(name), cleared.ways.get(name))
    else {
        let failure = Failure::new(exit::ERROR, format!("proof.{name} was not prepared"));
        return Err(Refusal::new("not_prepared", failure));
    };
    let unrecorded =
        |error: crate::ledger::LedgerError| Refusal::new("ledger_unwritable", error.into());
    let nonce = planning::nonce().map_err(|failure| Refusal::new("no_nonce", failure))?;
    // The switch once more: a set may have taken a while.
    let armed = killswitch::check(config, Verb::Prove).map_err(|halted| {
        Refusal::new(halted.code(), Failure::of(exit::REFUSED, &halted).hint(halted.hint()))
    })?;
    let intent = ProofIntent {
        proof: name.to_owned(),
        contract: proof.contract.digest(),
        database: proof.contract.database.clone(),
        role: proof.contract.role.clone(),
        nonce: nonce.clone(),
    };
    ledger.append(&intent.into(), &[]).map_err(unrecorded)?;
    let parties = protocol::Parties {
        observer: &way.observer,
        prover: &way.prover,
        guard: &way.guard,
        nonce: &nonce,
    };
    let proving = async { Ok(protocol::prove(name, proof, &parties, armed, &CLOCK).await) };
    let evidence = planning::run(proving).map_err(|failure| Refusal::new("no_runtime", failure))?;
    let bytes = serde_json::to_vec(&evidence)
        .map_err(|error| Refusal::new("ledger_unwritable", Failure::of(exit::ERROR, &error)))?;
    let outcome = ProofOutcome {
        proof: name.to_owned(),
        contract: evidence.contract,
        nonce,
        verdict: evidence.verdict.to_string(),
        detail: evidence.because.join("; "),
    };
    let attached = [Attachment { name: "evidence", bytes: &bytes }];
    ledger.append(&outcome.into(), &attached).map_err(unrecorded)?;
    Ok(evidence)
}

/// Says of a run that did not come to its end that nothing is known of it. The server has rolled it back by itself.
fn abandoned(ledger: &mut Ledger, output: &Output) -> Result<(), Failure> {
    let mut open: Vec<(String, Digest, String)> = Vec::new();
    for entry in ledger.reader().entries()? {
        match entry?.event {
            Event::ProofIntent(intent) => open.push((intent.proof, intent.contract, intent.nonce)),
            Event::ProofOutcome(outcome) => open.retain(|(_, _, nonce)| *nonce != outcome.nonce),
            _ => {}
        }
    }
    for (proof, contract, nonce) in open {
        output.say(&format!(
            "proof.{proof} had been begun and not ended: nothing is concluded from it\n"
        ));
        let detail = "the run that had begun it did not come to its end".to_owned();
        let verdict = Verdict::Inconclusive.to_string();
        ledger.append(&ProofOutcome { proof, contract, nonce, verdict, detail }.into(), &[])?;
    }
    Ok(())
}

/// The guards that do not hold any more, which the ledger says as well.
fn guards_afterwards(
    cleared: &Cleared,
    config: &Config,
    arguments: &Arguments,
    ledger: &mut Ledger,
) -> Vec<String> {
    let deadline = std::time::Duration::from_secs(arguments.deadline);
    let looking = looking::guards_afterwards(config, &cleared.desired, deadline, &CLOCK);
    let broken = planning::run(looking)
        .unwrap_or_else(|why: Failure| vec![format!("every guard ({})", why.message)]);
    if !broken.is_empty() {
        let detail = format!("after the proofs these do not hold: {}", broken.join(", "));
        let (verb, code) = (Verb::Prove.to_string(), "guard_broken_afterwards".to_owned());
        // What could not be recorded is said all the same.
        ledger.append(&Refused { verb, code, plan: None, detail }.into(), &[]).ok();
    }
    broken
}

impl Results {
    fn code(&self) -> u8 {
        let of = |verdict: Verdict| match verdict {
            verdict if verdict.is_green() => exit::OK,
            Verdict::Leak => exit::VERIFICATION,
            Verdict::ContractFailed | Verdict::Vacuous => exit::ERROR,
            _ => exit::UNKNOWN,
        };
        let proofs = self.proofs.iter().chain(&self.of_sets).map(|evidence| of(evidence.verdict));
        let lines = self.sets.iter().flat_map(|set| &set.lines).map(|line| match line.holds {
            crate::proof::Holds::Yes => exit::OK,
            // A proof of it has a code of its own, which comes first.
            crate::proof::Holds::No => exit::DRIFT,
            _ => exit::UNKNOWN,
        });
        let broken = (!self.broken.is_empty()).then_some(exit::REFUSED);
        let codes: Vec<u8> = proofs.chain(lines).chain(broken).collect();
        let worst = exit::MEANINGS.iter().map(|(code, _)| *code).find(|code| codes.contains(code));
        worst.unwrap_or(exit::ERROR)
    }
}

/// The same for programs.
#[derive(Serialize)]
struct Shown<'a> {
    schema: &'static str,
    version: u32,
    sandbox: bool,
    proofs: Vec<&'a Evidence>,
    sets: &'a [SetResult],
    broken_guards: &'a [String],
}

fn show(
    results: &Results,
    config: &Config,
    global: &Global,
    output: &Output,
) -> Result<(), Failure> {
    if !output.is("json") {
        return output.write(|out| story::tell(results, (config.sandbox, global.verbose), out));
    }
    let shown = Shown {
        schema: "countersign.proof",
        version: 1,
        sandbox: config.sandbox,
        proofs: results.proofs.iter().chain(&results.of_sets).collect(),
        sets: &results.sets,
        broken_guards: &results.broken,
    };
    output.write(|out| json::write(out, &shown))
}
