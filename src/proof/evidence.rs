//! What was seen of a proof, as it is stored on the ledger: facts, from which the verdict follows.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Verdict;
use crate::desired::Expect;
use crate::model::{Decimal, Digest, Timestamp};

/// A proof that was run. Numbers are texts of decimal digits, as in everything that is hashed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// Always "proof".
    pub countersign: String,
    /// The version of this format.
    pub v: String,
    /// Its name in desired state.
    pub proof: String,
    /// What it shows, in a few words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The verdict.
    pub verdict: Verdict,
    /// The rule, and what it was applied to.
    pub because: Vec<String>,
    /// What a reader should know besides: what was not declared, what stayed.
    pub remarks: Vec<String>,
    /// Of the contract, as a host admits it.
    pub contract: Digest,
    /// Of the functions and triggers that can be reached from it, their code included. The proof says nothing of others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closure: Option<Digest>,
    /// What had to come of it.
    pub expect: Expect,
    /// Who logged in to do it.
    pub role: String,
    /// Who watched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observer: Option<String>,
    /// Which server and database it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<Server>,
    /// What was new in this run.
    pub nonce: String,
    /// When it began.
    pub began: Timestamp,
    /// How often it was tried for a quiet moment; what follows is the last.
    pub attempts: Decimal,
    /// What was seen.
    pub attempt: Attempt,
}

/// Which server and database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// The number that `initdb` gave the cluster.
    pub system_identifier: String,
    /// The database of the sessions.
    pub database: String,
    /// Such as `16.13`.
    pub version: String,
}

/// One run of the protocol.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attempt {
    /// Why it could not be begun at all: no proof of this contract is possible.
    pub unprovable: Vec<String>,
    /// What kept it from being told.
    pub trouble: Vec<String>,
    /// May the role switch the recording of calls off?
    #[serde(default)]
    pub switchable: bool,
    /// What is known before to run as the role itself, and runs text that is put together or sets what it does not name.
    #[serde(default)]
    pub builders: Vec<String>,
    /// May a role as which it acted write messages to the log of changes, which subscribers read?
    #[serde(default)]
    pub messages: bool,
    /// Foreign tables that it, or a function with the rights of another, could have used.
    #[serde(default)]
    pub reach: Vec<String>,
    /// What the observer saw before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Outside>,
    /// The number of the transaction when it had begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transaction: Option<String>,
    /// What the transaction saw of itself, before it ended in an error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inside: Option<Inside>,
    /// Did the wrapping statement come to an end without an error? That cannot happen.
    #[serde(default)]
    pub completed: bool,
    /// What the observer saw after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Outside>,
    /// What became of all transactions of the window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub census: Option<Census>,
    /// From `BEGIN` to the end of `ROLLBACK`, in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transaction_us: Option<Decimal>,
    /// From the first look of the observer to the last, in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_us: Option<Decimal>,
}

/// What the observer sees from outside.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outside {
    /// What the witness counts; `None` without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub witness: Option<String>,
    /// What the leak probe counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leak: Option<String>,
    /// How far each sequence has come; `None` for one that the observer may not read.
    pub sequences: BTreeMap<String, Option<String>>,
    /// Transactions that are prepared and not ended.
    pub prepared: Vec<String>,
    /// Replication slots.
    pub slots: Vec<String>,
    /// How many sessions were ever ended by order, where the server counts them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub killed: Option<String>,
}

/// What the transaction reported of itself in the error with which it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inside {
    /// Did the statement, the deferred constraints and the witness run to their end?
    pub done: bool,
    /// How many rows the statement answered or touched.
    pub rows: Option<String>,
    /// With which SQLSTATE it failed.
    pub sqlstate: Option<String>,
    /// What the server said.
    pub message: Option<String>,
    /// What the witness counted before the statement.
    pub witness_before: Option<String>,
    /// What it counted after.
    pub witness_inside: Option<String>,
    /// What stood at the compared places of the first row.
    pub found: BTreeMap<String, serde_json::Value>,
    /// The number of the transaction.
    pub xid: Option<String>,
    /// The process of the server.
    pub pid: String,
    /// As whom it acted at its end.
    pub role: String,
    /// Who had logged in.
    pub session_role: String,
    /// Were calls of functions still recorded at its end?
    pub traced: bool,
    /// The functions that were called.
    pub functions: Vec<Function>,
    /// The tables that were written to.
    pub writes: Vec<Written>,
    /// The locks beyond those of reading.
    pub locks: Vec<Lock>,
    /// How many advisory locks it held.
    pub advisory: String,
    /// Deferrable constraints that were made to judge at once, by how many.
    pub fired: String,
    /// Those of a schema that the role may not use, and of tables that were written to.
    pub unfired: Vec<String>,
}

/// A function that was called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Function {
    /// With its schema and the types of its arguments.
    pub name: String,
    /// The language of its code.
    pub language: String,
    /// Its owner.
    pub owner: String,
    /// Does it act with the rights of its owner?
    pub definer: bool,
    /// What those rights reach outside of the transaction.
    #[serde(default)]
    pub powers: Vec<String>,
    /// Does it run text that is put together, or set what it does not name?
    pub builds: bool,
    /// Does it name a function of the server whose effect no rollback takes back?
    #[serde(default)]
    pub lasting: bool,
    /// How often.
    pub calls: String,
}

/// A table that was written to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Written {
    /// With its schema.
    pub table: String,
    /// How many rows were inserted.
    pub inserted: String,
    /// How many were changed.
    pub updated: String,
    /// How many were deleted.
    pub deleted: String,
}

/// A lock on a relation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// With its schema.
    pub relation: String,
    /// The letter of its kind, as in `pg_class.relkind`: r, S, f, …
    pub relkind: String,
    /// Such as `RowExclusiveLock`.
    pub mode: String,
}

/// A sequence that the statement touched, or that moved meanwhile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sequence {
    /// With its schema.
    pub name: String,
    /// Where it stood before and after, where the observer may see it.
    pub moved: Option<(Option<String>, Option<String>)>,
    /// Did the transaction hold a lock on it?
    pub touched: bool,
}

/// What became of every transaction of the window.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Census {
    /// The first transaction that can belong to it.
    pub from: String,
    /// The first that cannot.
    pub to: String,
    /// What the server says of the transaction of the proof.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own: Option<String>,
    /// How many ended without a commit.
    pub aborted: String,
    /// Those that committed.
    pub foreign: Vec<Foreign>,
    /// Those of which it cannot be told.
    pub unresolved: Vec<String>,
}

/// A transaction of somebody else that committed meanwhile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Foreign {
    /// Its number.
    pub xid: String,
    /// Why it cannot be of the proof's making; `None` where that cannot be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub whose: Option<String>,
    /// Does it carry what was new in this run?
    #[serde(default)]
    pub nonce: bool,
}

impl Attempt {
    /// The sequences that the transaction touched, or that moved meanwhile.
    #[must_use]
    pub fn sequences(&self) -> Vec<Sequence> {
        let empty = BTreeMap::new();
        let before = self.before.as_ref().map_or(&empty, |outside| &outside.sequences);
        let after = self.after.as_ref().map_or(&empty, |outside| &outside.sequences);
        let locks = self.inside.iter().flat_map(|inside| &inside.locks);
        let touched: Vec<&str> =
            locks.filter(|lock| lock.relkind == "S").map(|lock| lock.relation.as_str()).collect();
        let mut names: Vec<&str> = before.keys().chain(after.keys()).map(String::as_str).collect();
        names.extend(&touched);
        names.sort_unstable();
        names.dedup();
        let one = |name: &str| {
            // `None` inside: the observer may not read it.
            let seen = |side: &BTreeMap<String, Option<String>>| side.get(name).cloned().flatten();
            let (from, to) = (seen(before), seen(after));
            let visible = from.is_some() || to.is_some();
            let touched = touched.contains(&name);
            (touched || from != to).then(|| Sequence {
                name: name.to_owned(),
                moved: visible.then_some((from, to)),
                touched,
            })
        };
        names.into_iter().filter_map(one).collect()
    }
}
