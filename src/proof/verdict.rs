//! The verdict of a proof: rules over what was seen, in the order in which they win. Pure.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Attempt, Function, Inside, Sequence};
use crate::desired::{Contract, Expect};
use crate::model::display::escape;

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
/// Classes of SQLSTATEs that say something about the moment, and nothing about the contract: connections, resources, operators,
/// conflicts, and locks that others hold.
const MOMENT: &[&str] = &["08", "40", "53", "55006", "55P03", "57", "58"];
/// Languages whose code the server itself confines to the database and the transaction.
const CONFINED: &[&str] = &["internal", "plpgsql", "sql"];

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
    let (untold, busy) = (untold(attempt), busy(contract, attempt, &sequences));
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
    let moved: Vec<&Sequence> = sequences.iter().filter(|one| one.touched).collect();
    let foreign = attempt.census.as_ref().map_or(0, |census| census.foreign.len());
    match (moved.is_empty(), foreign) {
        (false, _) => {
            let names: Vec<&str> = moved.iter().map(|one| one.name.as_str()).collect();
            let why = format!(
                "as expected; declared, and not taken back by any rollback: {}",
                names.join(", ")
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

/// What outlived the rollback, or ran where nobody could see it.
fn stayed(contract: &Contract, attempt: &Attempt, sequences: &[Sequence]) -> Vec<String> {
    let mut stayed = Vec::new();
    if let Some(census) = &attempt.census {
        if census.own.as_deref() == Some("committed") {
            stayed.push("its own transaction was committed".to_owned());
        }
        for one in census.foreign.iter().filter(|one| one.nonce) {
            stayed.push(format!(
                "transaction {} was committed, and carries what was new in this run",
                one.xid
            ));
        }
    }
    if let Some(inside) = &attempt.inside
        && inside.xid != attempt.transaction
    {
        stayed.push(
            "the transaction at the end was not the one that had begun: it was ended from within"
                .to_owned(),
        );
    }
    if attempt.completed {
        stayed.push("the statement around it did not end in its error, so what it did is not known to be undone".to_owned());
    }
    if let (Some(before), Some(after)) = (&attempt.before, &attempt.after) {
        let count =
            |leak: &Option<String>| leak.as_deref().and_then(|text| text.parse::<i64>().ok());
        if let (Some(from), Some(to)) = (count(&before.leak), count(&after.leak))
            && to != 0
        {
            stayed.push(format!("the leak probe counted {from} before and {to} after"));
        }
        for (what, from, to) in [
            ("prepared transaction", &before.prepared, &after.prepared),
            ("replication slot", &before.slots, &after.slots),
        ] {
            let new = to.iter().filter(|name| !from.contains(name));
            stayed.extend(
                new.map(|name| format!("a {what} `{}` is there that was not", escape(name))),
            );
        }
    }
    for one in sequences.iter().filter(|one| one.touched && !contract.sequences.contains(&one.name))
    {
        if let Some((from, to)) = &one.moved
            && from != to
        {
            let shown =
                |value: &Option<String>| value.clone().unwrap_or_else(|| "nowhere".to_owned());
            stayed.push(format!(
                "sequence {} went from {} to {}, and is not declared",
                one.name,
                shown(from),
                shown(to)
            ));
        }
    }
    if let Some(inside) = &attempt.inside {
        stayed.extend(out_of_sight(contract, inside));
    }
    stayed
}

/// What was run where nobody can look.
fn out_of_sight(contract: &Contract, inside: &Inside) -> Vec<String> {
    let unseen = inside.functions.iter().filter(|function| is_unseen(contract, function));
    let unseen = unseen.map(|function| {
        let Function { name, language, .. } = function;
        format!("{name} ran, written in {language}: what it did outside of the transaction nobody can see")
    });
    let foreign = inside.locks.iter().filter(|lock| lock.relkind == "f");
    let foreign = foreign.map(|lock| {
        format!("{} is a foreign table: what was done there another server knows", lock.relation)
    });
    unseen.chain(foreign).collect()
}

/// Code that can leave the transaction without a trace in it.
fn is_unseen(contract: &Contract, function: &Function) -> bool {
    !CONFINED.contains(&function.language.as_str())
        && !contract.trusted_functions.contains(&function.name)
}

/// What kept it from being told.
fn untold(attempt: &Attempt) -> Vec<String> {
    let mut untold = attempt.trouble.clone();
    if let Some(inside) = &attempt.inside {
        let state = inside.sqlstate.as_deref().unwrap_or_default();
        if MOMENT.iter().any(|class| state.starts_with(class)) {
            untold.push(format!("it was not its moment: {}", said(Some(inside))));
        }
        if !inside.traced {
            untold.push("calls of functions are not recorded: the role may not set track_functions, or the contract has switched it off".to_owned());
        }
        untold.extend(inside.unfired.iter().map(|name| {
            format!("the deferred constraint {name} could not be made to judge: the role may not use its schema")
        }));
    }
    match &attempt.census {
        Some(census) if census.own.as_deref() == Some("aborted") => {}
        Some(census) => {
            let status = census.own.as_deref().unwrap_or("nothing");
            untold.push(format!("of its own transaction the server says {status}"));
        }
        None => untold.push("there was no census of the transactions".to_owned()),
    }
    if attempt.after.is_none() {
        untold.push("the observer has not seen what was left".to_owned());
    }
    untold
}

/// What others did meanwhile that cannot be told from a leak.
fn busy(contract: &Contract, attempt: &Attempt, sequences: &[Sequence]) -> Vec<String> {
    let mut busy = Vec::new();
    if let Some(census) = &attempt.census {
        let unknown: Vec<&str> = census
            .foreign
            .iter()
            .filter(|one| one.whose.is_none())
            .map(|one| one.xid.as_str())
            .collect();
        if !unknown.is_empty() {
            busy.push(format!(
                "committed meanwhile, and it cannot be told by whom: {}",
                unknown.join(", ")
            ));
        }
        if !census.unresolved.is_empty() {
            busy.push(format!("not ended yet: {}", census.unresolved.join(", ")));
        }
    }
    let done = attempt.inside.as_ref().is_some_and(|inside| inside.done);
    for one in sequences {
        let declared = contract.sequences.contains(&one.name);
        match (&one.moved, one.touched) {
            (None, true) if !declared => {
                busy.push(format!(
                    "the observer may not read how far sequence {} has come",
                    one.name
                ));
            }
            // The locks of a statement that failed are gone, so who moved it cannot be told.
            (Some(_), false) if !done && !declared => {
                busy.push(format!("sequence {} has moved, by this or by others", one.name));
            }
            _ => {}
        }
    }
    if let (Some(before), Some(after)) = (&attempt.before, &attempt.after)
        && before.witness != after.witness
        && attempt.census.as_ref().is_none_or(|census| census.foreign.is_empty())
    {
        busy.push(
            "the witness counts another number than before, and nobody has committed".to_owned(),
        );
    }
    busy
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

/// What was not declared and does no harm, and what stays of every proof.
fn remarks(contract: &Contract, attempt: &Attempt, sequences: &[Sequence]) -> Vec<String> {
    let mut remarks = Vec::new();
    let Some(inside) = &attempt.inside else { return remarks };
    if inside.done && contract.expect == Expect::Write {
        let undeclared = inside.writes.iter().filter(|one| !contract.writes.contains(&one.table));
        remarks.extend(
            undeclared
                .map(|one| format!("it writes to {} as well, which is not declared", one.table)),
        );
        let silent = contract
            .writes
            .iter()
            .filter(|name| inside.writes.iter().all(|one| one.table != **name));
        remarks
            .extend(silent.map(|name| format!("it does not write to {name}, which is declared")));
    }
    for one in sequences.iter().filter(|one| !one.touched && inside.done) {
        remarks.push(format!("sequence {} was advanced by others", one.name));
    }
    if inside.advisory != "0" {
        let count = &inside.advisory;
        let noun = if count == "1" { "lock" } else { "locks" };
        remarks.push(format!("it held {count} advisory {noun}, which ended with its session"));
    }
    if inside.role != inside.session_role {
        remarks.push(format!(
            "it ended as `{}`, and had logged in as `{}`",
            escape(&inside.role),
            escape(&inside.session_role)
        ));
    }
    remarks
}
