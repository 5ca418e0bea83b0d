//! `[proof_guard.SCHEMA]`: the objects by which a transaction of a proof cannot be committed, and nothing beside them.

mod adopt;
mod compare;
mod recording;
mod remedy;
mod rights;
#[cfg(test)]
mod tests;
mod wanted;

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::in_database::{ask_each, object_name, object_of};
use super::{Adopted, Adoption, Answers, Files, Kind, Named, Problem, presence};
use crate::action::{Remedy, Surroundings};
use crate::model::display::escape;
use crate::model::{Code, Comparison, RelationName, Unknown};
use crate::probe::World;
use crate::probe::catalog::{Guard, GuardNames, guard};
use crate::probe::postgres::Session;

/// The table of a guard.
const PILL: &str = "pill";
/// Its function, and its trigger.
const REFUSE: &str = "refuse";
/// The setting by which a prover gives up before production does.
const DEADLOCKS: &str = "deadlock_timeout";
/// The setting by which the server records calls of functions.
const RECORDING: &str = "track_functions";
/// The longest name that PostgreSQL keeps.
const NAME_BYTES_MAX: usize = 63;
/// The most provers of one guard.
const PROVERS_MAX: usize = 100;

/// The table of a guard.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ProofGuard {
    /// The database, as in `[database.NAME]`.
    database: String,
    /// `false`: there is no such schema. Default: true.
    #[serde(default = "super::presence::yes")]
    present: bool,
    /// The roles as which proofs run: exactly these may insert into the pill, and they may do nothing else to it.
    #[serde(default)]
    provers: BTreeSet<String>,
    /// How sessions of the provers come to record which functions run. Default: `granted`.
    recording: Option<Recording>,
    /// The role that owns all of it: without login, without any attribute, without members, a member of nothing. Default:
    /// `countersign_owner`.
    owner: Option<String>,
}

/// How calls of functions come to be recorded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Recording {
    /// Each proof sets `track_functions` for its own session; from PostgreSQL 15 on that can be granted.
    #[default]
    Granted,
    /// It is written down for the provers in this database, and they may not set it: none of their code can switch it off.
    Written,
}

/// The table that a transaction cannot touch and be committed, of a guard by the key of its resource and its database.
#[must_use]
pub fn pill(key: &str, database: &str) -> RelationName {
    RelationName { schema: object_name(key, database).to_owned(), name: PILL.to_owned() }
}

impl ProofGuard {
    fn owner(&self) -> &str {
        self.owner.as_deref().unwrap_or("countersign_owner")
    }

    fn is_written(&self) -> bool {
        self.recording == Some(Recording::Written)
    }

    /// The settings of the server that a prover sets for itself, where that can be granted.
    fn parameters(&self) -> &'static [&'static str] {
        if self.is_written() { &[DEADLOCKS] } else { &[DEADLOCKS, RECORDING] }
    }

    fn provers(&self) -> Vec<String> {
        self.provers.iter().cloned().collect()
    }
}

async fn observe(
    session: &Session,
    wanted: Vec<&Named<ProofGuard>>,
) -> Result<Answers<Guard>, Unknown> {
    let mut answers = Answers::new();
    for named in wanted {
        let spec = &named.spec;
        let seen = look(session, object_of(named), spec.owner(), &spec.provers()).await;
        answers.insert(named.name.clone(), seen);
    }
    Ok(answers)
}

async fn look(
    session: &Session,
    schema: &str,
    owner: &str,
    provers: &[String],
) -> Result<Guard, Unknown> {
    let parameters = [DEADLOCKS, RECORDING].map(str::to_owned);
    let parameters = &parameters;
    let names = GuardNames { schema, table: PILL, function: REFUSE, owner, provers, parameters };
    guard(session, &names).await
}

/// Is this a name that a guard's schema or role can have? A fragment that says why not.
fn check_name(name: &str) -> Result<(), String> {
    if name.is_empty() || name.len() > NAME_BYTES_MAX || name.contains('\0') {
        return Err(format!("a name has 1 to {NAME_BYTES_MAX} bytes, none of them zero"));
    }
    if name.starts_with("pg_") {
        return Err(format!("`{}` is PostgreSQL's own", escape(name)));
    }
    Ok(())
}

impl Kind for ProofGuard {
    const NAME: &'static str = "proof_guard";
    const ABOUT: &'static str =
        "the objects by which a proof cannot be committed: owner, pill, trigger, provers";
    const DOC: &'static str = include_str!("proof_guard.md");
    const EXAMPLE: &'static str = r#"
[proof_guard.countersign]
database = "directus"
provers = ["cutter_exec", "cutter_verify"]
"#;
    const IN_DATABASE: bool = true;
    const ADOPT: Option<Adoption> = Some(Adoption {
        flag: "proof-guard",
        value: "PATTERN",
        help: "Guards of proofs in schemas whose name the pattern matches, each with its provers",
        all: Some("*"),
    });
    type Observed = Guard;

    fn prepare(&mut self, name: &str, _files: &dyn Files, problems: &mut Vec<Problem>) {
        let schema = object_name(name, &self.database);
        let names = match schema {
            "public" | "information_schema" => Err(format!("`{schema}` is for other things")),
            _ if schema.contains('*') => Err("a guard is one schema, and no pattern".to_owned()),
            _ => check_name(schema),
        };
        if let Err(why) = names {
            problems.push(Problem::resource(Code::BadName, why));
        }
        let keys = [
            ("provers", !self.provers.is_empty()),
            ("recording", self.recording.is_some()),
            ("owner", self.owner.is_some()),
        ];
        presence::check(self.present, &keys, problems);
        if !self.present {
            return;
        }
        if self.provers.is_empty() {
            let message = "`provers` names nobody, so nothing could be proved";
            problems.push(Problem::key("provers", Code::MissingKey, message));
        }
        if self.provers.len() > PROVERS_MAX {
            let message =
                format!("{} provers, at most {PROVERS_MAX} are taken", self.provers.len());
            problems.push(Problem::key("provers", Code::Limit, message));
        }
        if self.provers.contains(self.owner()) {
            let message =
                format!("`{}` owns the guard, and could take it away", escape(self.owner()));
            problems.push(Problem::key("provers", Code::Contradiction, message));
        }
        let provers = self.provers.iter().map(|prover| ("provers", prover.as_str()));
        for (key, name) in std::iter::once(("owner", self.owner())).chain(provers) {
            if let Err(why) = check_name(name) {
                problems.push(Problem::key(key, Code::WrongType, why));
            }
        }
    }

    fn database(&self) -> Option<&str> {
        Some(&self.database)
    }

    fn question(&self, _name: &str) -> Value {
        json!({ "database": self.database, "owner": self.owner(), "provers": self.provers })
    }

    async fn observe_all(world: &World, wanted: &[Named<Self>]) -> Answers<Guard> {
        ask_each(world, wanted, observe).await
    }

    async fn adopt(world: &World, asked: &str) -> Result<Adopted, Unknown> {
        adopt::adopt(world, asked).await
    }

    fn diff(&self, name: &str, seen: &Guard) -> Comparison {
        compare::compare(self, object_name(name, &self.database), seen)
    }

    fn remedy(&self, name: &str, seen: &Guard, around: &Surroundings) -> Result<Remedy, Unknown> {
        Ok(match remedy::statements(self, name, seen, around) {
            Ok(statements) => Remedy::Statements(statements),
            Err(why) => Remedy::Nothing(why),
        })
    }
}
