//! `[pg_grant.ROLE]`: all that a role, or everybody, is granted; all that is granted on one thing, or in one schema; and
//! what a role can do in effect.

mod adopt;
mod compare;
mod look;
mod remedy;
mod subject;
mod wanted;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;

use super::in_database::object_name;
use super::{Adopted, Adoption, Answers, Files, Kind, Named, Problem, answer_all, by_database};
use crate::action::{Mended, Surroundings};
use crate::model::{Code, Comparison, Digest, Reason, Unknown};
use crate::probe::World;
use look::Seen;
use subject::Subject;
use wanted::Wanted;

/// The table of grants.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PgGrant {
    /// The database, as in `[database.NAME]`.
    database: String,
    /// Everything that is granted, and nothing else, as sentences: "SELECT, INSERT on public.orders", "USAGE on schema shop".
    /// `[]`: nothing.
    grants: Option<Vec<String>>,
    /// For a role or PUBLIC: `grants` and `digest` speak only about these schemas, `*` for any text.
    within: Option<Vec<String>>,
    /// Grants that another table decides, such as a `proof_guard`: whether they are there or not, this list says nothing of it.
    elsewhere: Option<Vec<String>>,
    /// For a role or PUBLIC: what it can do in effect, by whatever right.
    allowed: Option<Vec<String>>,
    /// For a role or PUBLIC: what it cannot do in effect, by no right.
    denied: Option<Vec<String>>,
    /// The SHA-256 of all that is granted: one sentence a line, sorted.
    digest: Option<Digest>,
    #[serde(skip)]
    wanted: Wanted,
}

impl Kind for PgGrant {
    const NAME: &'static str = "pg_grant";
    const ABOUT: &'static str = "what a role is granted and can do in effect; or all that is granted on a thing, or in a schema";
    const DOC: &'static str = include_str!("pg_grant.md");
    const EXAMPLE: &'static str = r#"
[pg_grant.cutter_exec]
database = "directus"
grants = [
  "USAGE on schema cutter_governance",
  "SELECT, INSERT on cutter_governance.cut_change_set, cutter_governance.review_decision",
  "SELECT on public.information_unit",
  "UPDATE (title, body) on public.unit_version",
  "EXECUTE on function public.fn_iu_create(text, text, uuid)",
]
allowed = ["CONNECT on database directus"]
denied = ["DELETE on all tables in schema cutter_governance", "CREATE on schema public"]

[pg_grant.PUBLIC]
database = "directus"
within = ["cutter_*"]
grants = []

[pg_grant."on cutter_governance.verify_result"]
database = "directus"
grants = ["SELECT, INSERT to cutter_verify", "SELECT to cutter_exec"]

[pg_grant."on future tables of directus in schema public"]
database = "directus"
grants = ["SELECT to cutter_ro"]
"#;
    const IN_DATABASE: bool = true;
    const ADOPT: Option<Adoption> = Some(Adoption {
        flag: "grants-of",
        value: "KEY",
        help: "All that is granted to a role, PUBLIC or 'cutter_*'; or 'on SCHEMA.TABLE', or 'in schema SCHEMA'",
        all: Some("*"),
    });
    type Observed = Seen;

    fn prepare(&mut self, name: &str, _files: &dyn Files, problems: &mut Vec<Problem>) {
        let subject = match self.subject(name) {
            Ok(subject) => subject,
            Err(problem) => return problems.push(problem),
        };
        let of_grantee = [
            ("within", self.within.is_some()),
            ("allowed", self.allowed.is_some()),
            ("denied", self.denied.is_some()),
        ];
        for (key, set) in of_grantee {
            if set && !matches!(subject, Subject::To(_)) {
                let message = format!("`{key}` is about one role, and the key is not");
                problems.push(Problem::key(key, Code::Contradiction, message));
            }
        }
        let compared = self.grants.is_some() || self.digest.is_some();
        if !compared && self.allowed.is_none() && self.denied.is_none() {
            let message = "the table says nothing about what is granted";
            let hint = "add `grants`; `grants = []` is nothing at all";
            problems.push(Problem::resource(Code::Empty, message).hint(hint));
        }
        if self.elsewhere.is_some() && !compared {
            let message = "`elsewhere` is left out of `grants` and `digest`, and there is neither";
            problems.push(Problem::key("elsewhere", Code::Contradiction, message));
        }
        if let Some(within) = &self.within {
            if within.is_empty() {
                let message = "no schema is named, so nothing would be compared";
                problems.push(Problem::key("within", Code::Empty, message));
            }
            if !compared {
                let message = "`within` limits `grants` and `digest`, and there is neither";
                problems.push(Problem::key("within", Code::Contradiction, message));
            }
        }
        self.wanted = Wanted::read(self, &subject, problems);
    }

    fn database(&self) -> Option<&str> {
        Some(&self.database)
    }

    fn pinned(&self) -> Option<Value> {
        self.digest.map(|digest| Value::from(digest.to_string()))
    }

    async fn observe_all(world: &World, wanted: &[Named<Self>]) -> Answers<Seen> {
        let give_up = Instant::now() + world.deadline;
        let mut answers = Answers::new();
        for (database, wanted) in by_database(wanted) {
            answers.extend(match world.database(database) {
                Ok(session) => look::look(session, &wanted, give_up).await,
                Err(why) => answer_all(wanted, &why),
            });
        }
        answers
    }

    async fn adopt(world: &World, asked: &str) -> Result<Adopted, Unknown> {
        adopt::adopt(world, asked).await
    }

    fn diff(&self, name: &str, observed: &Seen) -> Comparison {
        match self.subject(name) {
            Ok(subject) => compare::compare(self, &subject, observed),
            Err(problem) => {
                let mut found = Comparison::default();
                found.blind("grants", Unknown::new(Reason::Undecidable, problem.message));
                found
            }
        }
    }

    fn remedy(&self, name: &str, seen: &Seen, around: &Surroundings) -> Mended {
        let subject = self.subject(name);
        let subject =
            subject.map_err(|problem| Unknown::new(Reason::Undecidable, problem.message))?;
        Ok(remedy::remedy(self, name, &subject, seen, around))
    }
}

impl PgGrant {
    fn subject(&self, name: &str) -> Result<Subject, Problem> {
        Subject::parse(object_name(name, &self.database))
    }
}

#[cfg(test)]
mod tests;
