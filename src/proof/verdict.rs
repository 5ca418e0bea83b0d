//! The verdict of a proof: rules over what was seen, in the order in which they win. Pure.

mod facts;
#[cfg(test)]
mod tests;

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Attempt, Inside, Sequence};
use crate::desired::{Contract, Expect};
use crate::model::display::escape;
use facts::{busy, out_of_sight, remarks, stayed, untold};

/// What a proof came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING-KEBAB-CASE")]
pub enum Verdict {
    /// As expected, and nothing at all was committed on this cluster meanwhile.
    CleanAbsolute,
    /// As expected; others committed meanwhile, and it is known of each that it was none of the proof's.
    CleanExact,
    /// As expected; what stayed are the sequences that were declared.
    CleanWithResidue,
    /// The statement did not do what it should.
    ContractFailed,
    /// It ran, and had no effect: nothing was shown.
    Vacuous,
    /// Something stayed.
    Leak,
    /// It cannot be told.
    Inconclusive,
    /// No proof of this contract is possible.
    Unprovable,
}

impl Verdict {
    /// Is it as expected, with nothing left behind?
    #[must_use]
    pub const fn is_green(self) -> bool {
        matches!(self, Self::CleanAbsolute | Self::CleanExact | Self::CleanWithResidue)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::CleanAbsolute => "CLEAN-ABSOLUTE",
            Self::CleanExact => "CLEAN-EXACT",
            Self::CleanWithResidue => "CLEAN-WITH-RESIDUE",
            Self::ContractFailed => "CONTRACT-FAILED",
            Self::Vacuous => "VACUOUS",
            Self::Leak => "LEAK",
            Self::Inconclusive => "INCONCLUSIVE",
            Self::Unprovable => "UNPROVABLE",
        })
    }
}

/// A verdict with its reasons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// The verdict.
    pub verdict: Verdict,
    /// The rule, and what it was applied to.
    pub because: Vec<String>,
    /// What a reader should know besides.
    pub remarks: Vec<String>,
    /// Would another moment tell more? Others were busy in this one.
    pub again: bool,
}

/// SQLSTATEs with which the server refuses what would end or leave a transaction.
const LEAVES: &[&str] = &["0A000", "25001", "2D000", "2D521"];

/// Judges an attempt. The first rule that has something to say decides.
#[must_use]
pub fn judge(contract: &Contract, attempt: &Attempt) -> Judged {
    decide(contract, attempt, unexpected)
}

/// The same for statements of a plan, which have only to run. How far a sequence has come is none of their promises.
#[must_use]
pub fn judge_script(script: &Contract, attempt: &Attempt) -> Judged {
    let sequences = attempt.sequences().into_iter().map(|one| one.name).collect();
    let writes = attempt.inside.iter().flat_map(|inside| &inside.writes);
    let writes = writes.map(|one| one.table.clone()).collect();
    let script = Contract { writes, sequences, ..script.clone() };
    decide(&script, attempt, |_, inside| {
        (!inside.done).then(|| (Verdict::ContractFailed, said(Some(inside))))
    })
}

fn decide(
    contract: &Contract,
    attempt: &Attempt,
    unexpected: impl Fn(&Contract, &Inside) -> Option<(Verdict, String)>,
) -> Judged {
    let sequences = attempt.sequences();
    let remarks = remarks(contract, attempt, &sequences);
    let decided =
        |verdict, because| Judged { verdict, because, remarks: remarks.clone(), again: false };
    if !attempt.unprovable.is_empty() && attempt.inside.is_none() {
        return decided(Verdict::Unprovable, attempt.unprovable.clone());
    }
    let stayed = stayed(contract, attempt, &sequences);
    if !stayed.is_empty() {
        return decided(Verdict::Leak, stayed);
    }
    if let Some(state) = attempt.inside.as_ref().and_then(|inside| inside.sqlstate.as_deref())
        && LEAVES.contains(&state)
        && contract.expect != Expect::Denied(state.to_owned())
    {
        let said = said(attempt.inside.as_ref());
        let why = format!("it cannot run in a transaction that somebody else ends: {said}");
        return decided(Verdict::Unprovable, vec![why]);
    }
    let (untold, busy) =
        (untold(contract, attempt, &sequences), busy(contract, attempt, &sequences));
    if !untold.is_empty() {
        return decided(Verdict::Inconclusive, untold);
    }
    let Some(inside) = &attempt.inside else {
        return decided(
            Verdict::Inconclusive,
            vec!["the transaction said nothing of itself".to_owned()],
        );
    };
    if let Some((verdict, why)) = unexpected(contract, inside) {
        return decided(verdict, vec![why]);
    }
    if !busy.is_empty() {
        return Judged { again: true, ..decided(Verdict::Inconclusive, busy) };
    }
    let declared = declared(inside, &sequences);
    let foreign = attempt.census.as_ref().map_or(0, |census| census.foreign.len());
    match (declared.is_empty(), foreign) {
        (false, _) => {
            let why = format!(
                "as expected; declared, and not taken back by any rollback: {}",
                declared.join(", ")
            );
            decided(Verdict::CleanWithResidue, vec![why])
        }
        (true, 0) => decided(
            Verdict::CleanAbsolute,
            vec![
                "as expected, and nothing at all was committed on this cluster meanwhile"
                    .to_owned(),
            ],
        ),
        (true, others) => {
            let why = format!(
                "as expected; {others} transactions of others were committed meanwhile, each known to be none of its own"
            );
            decided(Verdict::CleanExact, vec![why])
        }
    }
}

/// What stayed as the contract says, and what ran out of sight as it says.
fn declared(inside: &Inside, sequences: &[Sequence]) -> Vec<String> {
    let moved = |one: &&Sequence| one.touched && one.moved.as_ref().is_none_or(|(a, b)| a != b);
    let moved = sequences.iter().filter(moved).map(|one| one.name.clone());
    let trusted = inside.functions.iter().filter(|one| out_of_sight(one).is_some());
    let trusted = trusted.map(|one| format!("what {} did outside of the transaction", one.name));
    moved.chain(trusted).collect()
}

/// In what the statement did not do what it should.
fn unexpected(contract: &Contract, inside: &Inside) -> Option<(Verdict, String)> {
    let failed = |why: String| Some((Verdict::ContractFailed, why));
    if let Expect::Denied(wanted) = &contract.expect {
        return match inside.sqlstate.as_deref() {
            Some(state) if state == wanted => None,
            Some(_) => failed(format!("another refusal than {wanted}: {}", said(Some(inside)))),
            None => failed(format!("it was not refused, where {wanted} is expected")),
        };
    }
    if !inside.done {
        return failed(said(Some(inside)));
    }
    if let Some(wanted) = &contract.rows {
        let rows = inside.rows.as_deref().unwrap_or("no");
        if rows != wanted.0.to_string() {
            return failed(format!("{rows} rows, where {} are expected", wanted.0));
        }
    }
    for (place, wanted) in &contract.result {
        let found = inside.found.get(place).unwrap_or(&serde_json::Value::Null);
        if found != wanted {
            let found = escape(&found.to_string()).into_owned();
            return failed(format!(
                "`{}` of its answer is {found}, where {wanted} is expected",
                escape(place)
            ));
        }
    }
    let written = !inside.writes.is_empty();
    let seen = inside.witness_before != inside.witness_inside;
    match contract.expect {
        Expect::Read if written => {
            let tables: Vec<&str> = inside.writes.iter().map(|one| one.table.as_str()).collect();
            failed(format!("it should only read, and wrote to {}", tables.join(", ")))
        }
        Expect::Write if !written => {
            Some((Verdict::Vacuous, "it ran, and wrote to no table".to_owned()))
        }
        Expect::Write if !seen => {
            let count = inside.witness_inside.as_deref().unwrap_or("nothing");
            Some((
                Verdict::Vacuous,
                format!("it ran, and the witness counts {count} before and after it"),
            ))
        }
        _ => None,
    }
}

/// The error of the statement, for people.
fn said(inside: Option<&Inside>) -> String {
    let state = inside.and_then(|inside| inside.sqlstate.as_deref()).unwrap_or("no SQLSTATE");
    let message = inside.and_then(|inside| inside.message.as_deref()).unwrap_or_default();
    format!("SQLSTATE {state}: {}", crate::model::display::one_line(message, 300))
}
