//! Everything that has to hold before a proof may connect as a role of the application. The first thing that does not is the refusal.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::super::error::Failure;
use super::super::planning::{self, CLOCK};
use super::super::refusal::Refusal;
use super::super::{attested, exit, looking, world};
use super::Arguments;
use crate::config::{Config, SessionSection};
use crate::desired::{Desired, Proof};
use crate::drift::Verdict;
use crate::kinds::pill;
use crate::model::display::escape;
use crate::model::{ResourceName, nearest};
use crate::plan::Guarded;
use crate::probe::postgres::{Secret, Settings};

/// What came through all gates.
pub(super) struct Cleared {
    pub(super) desired: Desired,
    /// The proofs that were named, in their order.
    pub(super) proofs: Vec<String>,
    /// The sets.
    pub(super) sets: Vec<String>,
    /// How each proof, those of sets included, reaches its database.
    pub(super) ways: BTreeMap<String, Way>,
}

/// How a proof reaches its database.
pub(super) struct Way {
    pub(super) observer: Settings,
    pub(super) prover: Settings,
    /// The schema of the guard objects.
    pub(super) guard: String,
}

pub(super) struct Gates<'a> {
    pub(super) config: &'a Config,
    pub(super) arguments: &'a Arguments,
}

impl Gates<'_> {
    pub(super) fn pass(&self) -> Result<Cleared, Refusal> {
        let read = planning::desired(self.config, &CLOCK);
        let (_, desired, _) = read.map_err(|failure| Refusal::new("desired_state", failure))?;
        let (proofs, sets) = self.named(&desired)?;
        let lines =
            sets.iter().filter_map(|set| desired.proofsets.get(set)).flat_map(|set| &set.lines);
        let of_sets = lines.flat_map(crate::desired::Line::proof_names).map(str::to_owned);
        let all: BTreeSet<String> = proofs.iter().cloned().chain(of_sets).collect();
        let mut ways = BTreeMap::new();
        for name in all {
            if let Some(proof) = desired.proofs.get(&name) {
                self.admitted(&name, proof)?;
                ways.insert(name.clone(), self.way(&name, proof, &desired)?);
            }
        }
        self.world(&desired, &ways)?;
        Ok(Cleared { desired, proofs, sets, ways })
    }

    /// What was asked for, by name.
    fn named(&self, desired: &Desired) -> Result<(Vec<String>, Vec<String>), Refusal> {
        let (mut proofs, mut sets) = (Vec::new(), Vec::new());
        if self.arguments.all {
            proofs = desired.proofs.keys().cloned().collect();
        }
        for asked in &self.arguments.names {
            let (proof, set) = (asked.strip_prefix("proof."), asked.strip_prefix("proofset."));
            let is_proof = set.is_none() && desired.proofs.contains_key(proof.unwrap_or(asked));
            let is_set = proof.is_none() && desired.proofsets.contains_key(set.unwrap_or(asked));
            match (is_proof, is_set) {
                (true, false) => proofs.push(proof.unwrap_or(asked).to_owned()),
                (false, true) => sets.push(set.unwrap_or(asked).to_owned()),
                (true, true) => {
                    let message = format!("`{}` is a proof and a set of proofs", escape(asked));
                    let hint = format!("write proof.{asked} or proofset.{asked}");
                    return Err(Refusal::new(
                        "ambiguous",
                        Failure::new(exit::USAGE, message).hint(hint),
                    ));
                }
                (false, false) => return Err(unknown(asked, desired)),
            }
        }
        if proofs.is_empty() && sets.is_empty() {
            let message = format!("{} has no proofs", escape(&desired.host));
            let failure = Failure::new(exit::INVALID, message);
            return Err(Refusal::new(
                "no_proofs",
                failure.hint("`countersign explain proof` shows how one is declared"),
            ));
        }
        Ok((proofs, sets))
    }

    /// Does the host let it run?
    fn admitted(&self, name: &str, proof: &Proof) -> Result<(), Refusal> {
        let digest = proof.contract.digest();
        let admitted = attested::admits(self.config, digest);
        if admitted.map_err(|failure| Refusal::new("not_admitted", failure))? {
            return Ok(());
        }
        let message = format!("this host does not admit the contract of proof.{}", escape(name));
        let hint = if self.config.admit.value.signed {
            format!("read it, then sign for it: `countersign attest --admit {name} …`")
        } else {
            format!(
                "read it, then add \"{digest:?}\" to `admit` of [prove] in the host's configuration"
            )
        };
        Err(Refusal::new("not_admitted", Failure::new(exit::REFUSED, message).hint(hint)))
    }

    fn way(&self, name: &str, proof: &Proof, desired: &Desired) -> Result<Way, Refusal> {
        let (database, role) = (&proof.contract.database, &proof.contract.role);
        let missing = |purpose: &str| {
            let message = format!(
                "the host's configuration has no [database.{}] {purpose}",
                escape(database)
            );
            Refusal::new("no_session", Failure::new(exit::CONFIG, message))
        };
        let observer = self.config.observers.get(database).ok_or_else(|| missing("observer"))?;
        let prover = self.config.provers.get(database).ok_or_else(|| missing("prover"))?;
        let Some((session, role)) = prover.value.session(role) else {
            let message = format!(
                "proof.{} logs in as `{}`, which this host does not let a proof do",
                escape(name),
                escape(role)
            );
            let hint = format!(
                "`roles` of the prover of [database.{}] names those who may",
                escape(database)
            );
            return Err(Refusal::new(
                "role_not_admitted",
                Failure::new(exit::REFUSED, message).hint(hint),
            ));
        };
        let guard = guard_of(desired, database).ok_or_else(|| missing("proof_guard"))?;
        let refused = |failure| Refusal::new("no_session", failure);
        let observer = settings(&observer.value, None).map_err(refused)?;
        let prover = settings(&session, Some(&role)).map_err(refused)?;
        Ok(Way { observer, prover, guard })
    }

    /// Is it the right host and cluster, do the guards hold, and are the objects in place on which proofs rest?
    fn world(&self, desired: &Desired, ways: &BTreeMap<String, Way>) -> Result<(), Refusal> {
        let deadline = Duration::from_secs(self.arguments.deadline);
        let databases: BTreeSet<&str> = ways
            .keys()
            .filter_map(|name| desired.proofs.get(name))
            .map(|proof| proof.contract.database.as_str())
            .collect();
        let guarded = Guarded::of(desired, &self.config.guard);
        let looked = planning::run(async {
            let also: Vec<String> = databases.iter().map(|name| (*name).to_owned()).collect();
            let opened = world::open(self.config, desired, deadline, false, &also).await?;
            let unknown = opened.probe.databases.iter().find_map(|(name, database)| {
                let why = database.as_ref().err().filter(|_| databases.contains(name.as_str()))?;
                Some(Failure::new(exit::UNKNOWN, why.detail.clone()))
            });
            let objects: BTreeSet<ResourceName> = desired
                .resources
                .values()
                .filter(|one| {
                    databases.iter().any(|name| is_guard_of(&one.name, one.spec.database(), name))
                })
                .map(|one| one.name.clone())
                .collect();
            let broken = looking::broken_guards(&opened, desired, &guarded, &CLOCK).await;
            let (objects, _) = looking::looked(&opened, desired, &objects, &CLOCK).await;
            opened.probe.close().await;
            match unknown {
                Some(failure) => Err(failure),
                None => Ok((broken, objects)),
            }
        });
        let (broken, objects) = looked.map_err(|failure| Refusal::new("identity", failure))?;
        if !broken.is_empty() {
            let names = escape(&broken.join(", ")).into_owned();
            let failure = Failure::new(exit::REFUSED, format!("a guard does not hold: {names}"));
            return Err(Refusal::new(
                "guard_broken",
                failure.hint("nothing is proven until every guard holds"),
            ));
        }
        let altered = objects.iter().find(|(_, verdict, _)| *verdict != Verdict::InSync);
        if let Some((name, _, why)) = altered {
            let message = format!(
                "the objects that make a commit impossible are not as declared: {name}: {}",
                escape(why)
            );
            let failure = Failure::new(exit::REFUSED, message);
            let hint = "`countersign plan --only 'proof_guard.*'` puts them in place, once people have signed it";
            return Err(Refusal::new("proof_guard", failure.hint(hint)));
        }
        Ok(())
    }
}

/// Are these the guard objects of a database?
fn is_guard_of(name: &ResourceName, of: Option<&str>, database: &str) -> bool {
    name.kind == "proof_guard" && of == Some(database)
}

/// The schema of the guard objects of a database.
pub(in crate::cli) fn guard_of(desired: &Desired, database: &str) -> Option<String> {
    let mut guards = desired.resources.values();
    let guard = guards.find(|one| is_guard_of(&one.name, one.spec.database(), database))?;
    Some(pill(&guard.name.name, database).schema)
}

/// A way into a database, as a role or as the user of its URL.
pub(in crate::cli) fn settings(
    session: &SessionSection,
    role: Option<&str>,
) -> Result<Settings, Failure> {
    let password = Config::password(session)?.map(Secret::new);
    let parsed = match role {
        Some(role) => Settings::parse_as(&session.url, role, password),
        None => Settings::parse(&session.url, password),
    };
    parsed.map_err(|error| Failure::of(exit::CONFIG, &error))
}

fn unknown(asked: &str, desired: &Desired) -> Refusal {
    let proofs = desired.proofs.keys().map(|name| format!("proof.{name}"));
    let known: Vec<String> =
        proofs.chain(desired.proofsets.keys().map(|name| format!("proofset.{name}"))).collect();
    let bare = known.iter().filter_map(|name| name.split_once('.')).map(|(_, name)| name);
    let message = format!("there is no proof and no set `{}`", escape(asked));
    let failure = Failure::new(exit::INVALID, message);
    let near = nearest(asked, known.iter().map(String::as_str).chain(bare));
    Refusal::new(
        "no_such_proof",
        match near {
            Some(near) => failure.hint(format!("did you mean `{near}`?")),
            None if known.is_empty() => {
                failure.hint("`countersign explain proof` shows how one is declared")
            }
            None => failure.hint("`countersign prove --list` names them all"),
        },
    )
}
