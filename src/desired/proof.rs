//! `[proof.NAME]`: a write, a read or a denial that is to be shown on the real database, in a transaction that is always
//! rolled back.

mod parameter;

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::tree::Beside;
use crate::kinds::{Files as _, Place, Problem};
use crate::model::sql::STATEMENT_BYTES_MAX;
use crate::model::{Code, Decimal, Digest, RelationName, Span};

pub use parameter::{Parameter, ParameterType};

/// How long the statement may take when the table does not say: production waits at most so long for what it locks.
const STATEMENT: Duration = Duration::from_millis(500);
/// The longest that a table may say.
const STATEMENT_MAX: Duration = Duration::from_secs(5);
/// The longest that a table may say for locks. A server looks for deadlocks after a second, and it must not be the one of others
/// that is ended: whoever waits longer than the proof wins.
const LOCK_MAX: Duration = Duration::from_millis(500);
/// How long it waits for the locks of others.
const LOCK: Duration = Duration::from_millis(200);
/// The most parameters of a contract.
const PARAMETERS_MAX: usize = 32;
/// The most places of a result that are compared.
const RESULTS_MAX: usize = 32;

/// The table as it is written.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProofSection {
    /// What it shows, in a few words.
    title: Option<String>,
    /// The database, as `[database.NAME]` names it.
    database: String,
    /// The role that logs in to do it: the application's own, as `prover.roles` of the host's configuration allows.
    role: String,
    /// The file with the one statement that is run, such as "sql/create.sql". It names what it touches with its schema.
    contract: String,
    /// What `$1`, `$2`, … of the statement are.
    #[serde(default)]
    parameters: Vec<Parameter>,
    /// "write": it has an effect; "read": it has none. Excludes `denied`.
    expect: Option<Effect>,
    /// The SQLSTATE with which the server has to refuse it, such as "42501". Excludes `expect`.
    denied: Option<String>,
    /// How many rows it answers or touches.
    rows: Option<u64>,
    /// Places in the first row of its answer and what has to stand there, as in { "answer.status" = "created" }.
    #[serde(default)]
    result: BTreeMap<String, serde_json::Value>,
    /// The file with a query for one number, which is another inside the transaction than before it. A write needs one.
    witness: Option<String>,
    /// The file with a query that counts what a leak would leave behind: 0 before and after. A write needs one.
    leak: Option<String>,
    /// The tables that it writes to, triggers included. Others that it writes to are reported.
    #[serde(default)]
    writes: Vec<String>,
    /// The sequences that it may advance, which no rollback takes back. Any other that it advances is a leak.
    #[serde(default)]
    sequences: Vec<String>,
    /// Functions that may be called although their code cannot be looked into, by their names with the types of their arguments.
    #[serde(default)]
    trusted_functions: Vec<String>,
    /// May functions with the rights of a superuser be called?
    #[serde(default)]
    superuser_definer: bool,
    /// How long the statement may take, in milliseconds; 500 without it, 5000 at most. As long, others may wait for it.
    statement_ms: Option<u64>,
    /// How long it waits for locks of others, in milliseconds; 200 without it, 500 at most.
    lock_ms: Option<u64>,
}

/// What a contract does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// It changes something.
    Write,
    /// It changes nothing.
    Read,
}

/// What has to come of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expect {
    /// It runs, and changes something.
    Write,
    /// It runs, and changes nothing.
    Read,
    /// The server refuses it with this SQLSTATE.
    Denied(String),
}

/// What is run, as whom, and what has to come of it: everything that a host admits when it admits a contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contract {
    /// The database, by its name in desired state.
    pub database: String,
    /// Who logs in.
    pub role: String,
    /// The one statement.
    pub statement: String,
    /// Its parameters.
    pub parameters: Vec<Parameter>,
    /// What has to come of it.
    pub expect: Expect,
    /// How many rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<Decimal>,
    /// Places in the first row, and what has to stand there.
    pub result: BTreeMap<String, serde_json::Value>,
    /// A query for one number that sees the effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub witness: Option<String>,
    /// A query that counts what would stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leak: Option<String>,
    /// The tables that it writes to.
    pub writes: Vec<String>,
    /// The sequences that it may advance.
    pub sequences: Vec<String>,
    /// Functions that may be called unseen.
    pub trusted_functions: Vec<String>,
    /// May it call functions with the rights of a superuser?
    pub superuser_definer: bool,
    /// How long it may take, in milliseconds.
    pub statement_ms: Decimal,
    /// How long it may wait for a lock, in milliseconds.
    pub lock_ms: Decimal,
}

/// A proof of desired state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// What it shows, in a few words.
    pub title: Option<String>,
    /// What is run.
    pub contract: Contract,
    /// The file it stands in.
    pub file: String,
    /// The bytes of its name there.
    pub span: Span,
    /// The line of its name there, from 1.
    pub line: u64,
}

impl Contract {
    /// What the host's configuration admits: SHA-256 of `countersign-contract-v1`, a newline, and the contract as JSON.
    /// Any change of the statement, its parameters, the role, the database or the expectation is another digest.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let mut bytes = b"countersign-contract-v1\n".to_vec();
        // Nothing of it can fail to be expressed: its maps have texts as keys.
        serde_json::to_writer(&mut bytes, self).unwrap_or_default();
        Digest::of(&bytes)
    }

    /// How long the statement may take.
    #[must_use]
    pub const fn statement_limit(&self) -> Duration {
        Duration::from_millis(self.statement_ms.0)
    }

    /// How long it may wait for a lock.
    #[must_use]
    pub const fn lock_limit(&self) -> Duration {
        Duration::from_millis(self.lock_ms.0)
    }
}

impl ProofSection {
    /// Reads the files that it names, and finds what is wrong with it.
    pub(super) fn contract(
        self,
        files: &Beside<'_>,
        problems: &mut Vec<Problem>,
    ) -> Option<(Option<String>, Contract)> {
        let before = problems.len();
        let expect = self.expectation(problems);
        self.faults(problems);
        let statement = query("contract", &self.contract, files, problems);
        let mut optional = |key: &str, path: &Option<String>| {
            path.as_ref().and_then(|path| query(key, path, files, problems))
        };
        let (witness, leak) = (optional("witness", &self.witness), optional("leak", &self.leak));
        if problems.len() > before {
            return None;
        }
        let milliseconds = |limit: Duration| Decimal(u64::try_from(limit.as_millis()).unwrap_or(0));
        let contract = Contract {
            database: self.database,
            role: self.role,
            statement: statement?,
            parameters: self.parameters,
            expect: expect?,
            rows: self.rows.map(Decimal),
            result: self.result,
            witness,
            leak,
            writes: sorted(self.writes),
            sequences: sorted(self.sequences),
            trusted_functions: sorted(self.trusted_functions),
            superuser_definer: self.superuser_definer,
            statement_ms: self.statement_ms.map_or(milliseconds(STATEMENT), Decimal),
            lock_ms: self.lock_ms.map_or(milliseconds(LOCK), Decimal),
        };
        Some((self.title, contract))
    }

    fn expectation(&self, problems: &mut Vec<Problem>) -> Option<Expect> {
        match (self.expect, &self.denied) {
            (Some(Effect::Write), None) => Some(Expect::Write),
            (Some(Effect::Read), None) => Some(Expect::Read),
            (None, Some(state)) if is_sqlstate(state) => Some(Expect::Denied(state.clone())),
            (None, Some(_)) => {
                let message = "an SQLSTATE has five capital letters and digits, such as \"42501\"";
                problems.push(Problem::key("denied", Code::WrongType, message));
                None
            }
            (Some(_), Some(_)) => {
                let message =
                    "what is denied has no effect: `expect` and `denied` exclude each other";
                problems.push(Problem::key("denied", Code::Contradiction, message));
                None
            }
            (None, None) => {
                let message = "one of `expect` and `denied` says what has to come of it";
                problems.push(Problem::resource(Code::MissingKey, message));
                None
            }
        }
    }

    fn faults(&self, problems: &mut Vec<Problem>) {
        self.contradictions(problems);
        self.bounds(problems);
        let listed = [("writes", &self.writes), ("sequences", &self.sequences)];
        for (key, names) in listed {
            for (name, at) in names.iter().zip(0..) {
                if let Err(why) = RelationName::parse(name) {
                    let place = Place::Item(key.to_owned(), at);
                    problems.push(Problem::at(place, Code::BadName, format!("`{name}`: {why}")));
                }
            }
        }
        for (parameter, at) in self.parameters.iter().zip(0..) {
            if let Err(why) = parameter.check() {
                let place = Place::Item("parameters".to_owned(), at);
                problems.push(Problem::at(place, Code::WrongType, why));
            }
        }
    }

    fn contradictions(&self, problems: &mut Vec<Problem>) {
        let mut wrong = |key: &str, code, message: String| {
            problems.push(Problem::key(key, code, message));
        };
        if self.expect == Some(Effect::Write) {
            for (key, value) in [("witness", &self.witness), ("leak", &self.leak)] {
                if value.is_none() {
                    let message = format!(
                        "`{key}` is missing: without it a write cannot be told from nothing"
                    );
                    wrong("expect", Code::MissingKey, message);
                }
            }
        } else if !self.writes.is_empty() {
            wrong("writes", Code::Contradiction, "what writes says expect = \"write\"".to_owned());
        }
        if self.denied.is_some() && (self.rows.is_some() || !self.result.is_empty()) {
            wrong("denied", Code::Contradiction, "what is denied has no result".to_owned());
        }
    }

    fn bounds(&self, problems: &mut Vec<Problem>) {
        let counted = [
            ("parameters", self.parameters.len(), PARAMETERS_MAX),
            ("result", self.result.len(), RESULTS_MAX),
        ];
        for (key, count, max) in counted {
            if count > max {
                let message = format!("{count}, more than {max}");
                problems.push(Problem::key(key, Code::Limit, message));
            }
        }
        let limits = [
            ("statement_ms", self.statement_ms, STATEMENT_MAX),
            ("lock_ms", self.lock_ms, LOCK_MAX),
        ];
        for (key, value, longest) in limits {
            let longest = u64::try_from(longest.as_millis()).unwrap_or(u64::MAX);
            if value.is_some_and(|value| value == 0 || value > longest) {
                let message = format!("between 1 and {longest}");
                problems.push(Problem::key(key, Code::Limit, message));
            }
        }
        for (place, value) in &self.result {
            let plain = value.is_string() || value.is_boolean() || value.is_i64();
            if !plain || place.is_empty() || place.split('.').any(str::is_empty) {
                let message = format!(
                    "`{place}`: names with dots between, and a text, a whole number or a boolean"
                );
                problems.push(Problem::key("result", Code::WrongType, message));
            }
        }
    }
}

/// In one order, each once: the order in which people list tables means nothing.
fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort();
    names.dedup();
    names
}

fn is_sqlstate(text: &str) -> bool {
    text.len() == 5 && text.bytes().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
}

/// The one statement in a file. The server's parser refuses a second.
fn query(key: &str, path: &str, files: &Beside<'_>, problems: &mut Vec<Problem>) -> Option<String> {
    let read = files.read(path).map_err(|why| Problem::key(key, Code::Reference, why));
    let text = read.and_then(|bytes| {
        let wrong = |message: String| Problem::key(key, Code::WrongType, message);
        if bytes.len() > STATEMENT_BYTES_MAX {
            let message =
                format!("`{path}` has {} bytes, more than {STATEMENT_BYTES_MAX}", bytes.len());
            return Err(wrong(message));
        }
        let text =
            std::str::from_utf8(&bytes).map_err(|_| wrong(format!("`{path}` is no UTF-8")))?;
        let text = text.trim();
        // The wrapper passes it on as it is, and a semicolon at its end is an end of line and not a second statement.
        let text = text.strip_suffix(';').unwrap_or(text).trim_end();
        if text.is_empty() || text.contains('\0') {
            return Err(wrong(format!("`{path}` holds no statement")));
        }
        Ok(text.to_owned())
    });
    text.map_err(|problem| problems.push(problem)).ok()
}
