//! `[pg_role.NAME]`: a role of PostgreSQL with its attributes, or no such role; and which roles there are.
//!
//! Nothing of a password is ever read, not even whether there is one.

mod remedy;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::in_database::object_name;
use super::listed::{self, Chosen, Listed, Listing};
use super::{Adopted, Adoption, Answers, Draft, Files, Kind, Named, Problem, closed};
use crate::action::{Mended, Surroundings};
use crate::model::display::escape;
use crate::model::{Code, Comparison, Difference, Reason, Timestamp, Unknown};
use crate::probe::World;
use crate::probe::catalog::{self, Owned, Role};
use crate::probe::postgres::Session;

/// The table of a role, or of a pattern over their names.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PgRole {
    /// The database, as in `[database.NAME]`, through which the server is asked.
    database: String,
    /// `false`: there is no such role. Default: true.
    #[serde(default = "super::presence::yes")]
    present: bool,
    /// May it do everything, past all checks?
    superuser: Option<bool>,
    /// May it create databases?
    createdb: Option<bool>,
    /// May it create, change and drop roles?
    createrole: Option<bool>,
    /// May it replicate the server, which reads everything?
    replication: Option<bool>,
    /// Does row security pass it by?
    bypassrls: Option<bool>,
    /// May it log in?
    login: Option<bool>,
    /// Has it the rights of the roles that it is a member of? Since PostgreSQL 16 what a new membership begins with.
    inherit: Option<bool>,
    /// How many connections it may have at once; -1 for any number.
    connection_limit: Option<i32>,
    /// Until when its password holds: an instant such as "2027-01-01T00:00:00Z", or "infinity".
    valid_until: Option<String>,
    /// Its comment; "" for none.
    comment: Option<String>,
    /// `true`: it owns no object of this database, and none that all databases share.
    owns_nothing: Option<bool>,
    /// For a name with a `*`: all roles that it matches, and no others. `[]`: none.
    only: Option<Vec<String>>,
}

/// What was seen of a role.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Seen {
    role: Role,
    /// Asked only where the table says something about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    owned: Option<Result<Owned, Unknown>>,
}

const FOREVER: &str = "infinity";

fn compare_owned(wanted: bool, owned: Option<&Result<Owned, Unknown>>, found: &mut Comparison) {
    let field = "owns_nothing";
    match owned {
        None => found.blind(field, super::not_recorded()),
        Some(Err(unknown)) => found.blind(field, unknown.clone()),
        Some(Ok(owned)) if owned.pinned && owned.count == 0 => {
            let detail = "PostgreSQL does not keep what a role of initdb owns";
            found.blind(field, Unknown::new(Reason::NotSupported, detail));
        }
        Some(Ok(owned)) if wanted == (owned.count == 0) => {}
        Some(Ok(owned)) => {
            let more = if owned.count > owned.first.len() as u64 { ", …" } else { "" };
            let objects = if owned.count == 1 { "object" } else { "objects" };
            let is = match owned.count {
                0 => "nothing".to_owned(),
                count => format!("{count} {objects}: {}{more}", escape(&owned.first.join(", "))),
            };
            found.differences.push(Difference::new(field, wanted, is));
        }
    }
}

impl Kind for PgRole {
    const NAME: &'static str = "pg_role";
    const ABOUT: &'static str =
        "a role of PostgreSQL: attributes, limits, what it owns; which roles there are";
    const DOC: &'static str = include_str!("pg_role.md");
    const EXAMPLE: &'static str = r#"
[pg_role.cutter_exec]
database = "directus"
login = true
connection_limit = 2
superuser = false
createdb = false
createrole = false
replication = false
bypassrls = false
owns_nothing = true

[pg_role.cutter_ro]
database = "directus"
login = false

[pg_role."cutter_*"]
database = "directus"
only = ["cutter_exec", "cutter_ro", "cutter_verify"]
"#;
    const IN_DATABASE: bool = true;
    const ADOPT: Option<Adoption> = Some(Adoption {
        flag: "role",
        value: "PATTERN",
        help: "Roles of PostgreSQL whose name the pattern matches, and that there are no others",
        all: Some("*"),
    });
    type Observed = Chosen<Seen>;

    fn prepare(&mut self, name: &str, _files: &dyn Files, problems: &mut Vec<Problem>) {
        listed::check(self, name, problems);
        if self.connection_limit.is_some_and(|limit| limit < -1) {
            let message = "a limit is a number of connections, or -1 for any number";
            problems.push(Problem::key("connection_limit", Code::WrongType, message));
        }
        if let Some(until) = self.valid_until.as_mut().filter(|until| *until != FOREVER) {
            match until.parse::<Timestamp>() {
                Ok(instant) if until.contains('T') => *until = instant.to_string(),
                _ => {
                    let message =
                        "it is an instant such as \"2027-01-01T00:00:00Z\", or \"infinity\"";
                    problems.push(Problem::key("valid_until", Code::WrongType, message));
                }
            }
        }
    }

    fn database(&self) -> Option<&str> {
        Some(&self.database)
    }

    fn question(&self, _name: &str) -> Value {
        json!({ "database": self.database, "owned": self.owns_nothing.is_some() })
    }

    async fn observe_all(world: &World, wanted: &[Named<Self>]) -> Answers<Chosen<Seen>> {
        listed::observe(world, wanted).await
    }

    async fn adopt(world: &World, asked: &str) -> Result<Adopted, Unknown> {
        listed::adopt::<Self>(world, asked).await
    }

    fn diff(&self, name: &str, chosen: &Chosen<Seen>) -> Comparison {
        listed::diff(self, name, chosen)
    }

    fn remedy(&self, name: &str, seen: &Chosen<Seen>, around: &Surroundings) -> Mended {
        Ok(remedy::remedy(self, name, seen, around))
    }

    fn brings(&self, name: &str, seen: &Chosen<Seen>) -> Option<String> {
        let role = object_name(name, &self.database);
        let made = self.only.is_none() && self.present && !seen.contains_key(role);
        made.then(|| role.to_owned())
    }
}

impl Listed for PgRole {
    type Thing = Seen;

    fn wanted(&self) -> (bool, Option<&Vec<String>>) {
        (self.present, self.only.as_ref())
    }

    fn attributes(&self) -> Vec<(&'static str, bool)> {
        vec![
            ("superuser", self.superuser.is_some()),
            ("createdb", self.createdb.is_some()),
            ("createrole", self.createrole.is_some()),
            ("replication", self.replication.is_some()),
            ("bypassrls", self.bypassrls.is_some()),
            ("login", self.login.is_some()),
            ("inherit", self.inherit.is_some()),
            ("connection_limit", self.connection_limit.is_some()),
            ("valid_until", self.valid_until.is_some()),
            ("comment", self.comment.is_some()),
            ("owns_nothing", self.owns_nothing.is_some()),
        ]
    }

    fn compare(&self, seen: &Seen, found: &mut Comparison) {
        let role = &seen.role;
        for (field, wanted, is) in [
            ("superuser", self.superuser, role.superuser),
            ("createdb", self.createdb, role.createdb),
            ("createrole", self.createrole, role.createrole),
            ("replication", self.replication, role.replication),
            ("bypassrls", self.bypassrls, role.bypassrls),
            ("login", self.login, role.login),
            ("inherit", self.inherit, role.inherit),
        ] {
            found.expect(field, wanted.as_ref(), &is);
        }
        found.expect("connection_limit", self.connection_limit.as_ref(), &role.connection_limit);
        let until = role.valid_until.clone().unwrap_or_else(|| FOREVER.to_owned());
        found.expect("valid_until", self.valid_until.as_ref(), &until);
        let comment = role.comment.clone().unwrap_or_default();
        found.expect("comment", self.comment.as_ref(), &comment);
        if let Some(wanted) = self.owns_nothing {
            compare_owned(wanted, seen.owned.as_ref(), found);
        }
    }

    async fn list(
        session: &Session,
        names: &[&str],
        wanted: &[&Named<Self>],
    ) -> Result<Listing<Seen>, Unknown> {
        let roles: Vec<Role> = catalog::all(session).await?;
        let asks = wanted.iter().zip(names).filter(|(named, _)| named.spec.owns_nothing.is_some());
        let asks: Vec<String> = asks.map(|(_, name)| (*name).to_owned()).collect();
        let owned = if asks.is_empty() {
            Ok(BTreeMap::new())
        } else {
            catalog::owned(session, &asks).await.map(|owned| owned.into_iter().collect())
        };
        let seen = |role: Role| {
            let owned = match &owned {
                Ok(owned) => owned.get(&role.name).cloned().map(Ok),
                Err(why) => asks.contains(&role.name).then(|| Err(why.clone())),
            };
            (role.name.clone(), Seen { role, owned })
        };
        Ok(roles.into_iter().map(seen).collect::<BTreeMap<_, _>>().into())
    }

    fn means(pattern: &str, name: &str, seen: &Seen) -> bool {
        closed::matches(pattern, name) && (!seen.role.predefined || pattern.starts_with("pg_"))
    }

    fn about(seen: &Seen) -> Option<String> {
        let role = &seen.role;
        let words = [
            (role.superuser, "superuser"),
            (role.createdb, "createdb"),
            (role.createrole, "createrole"),
            (role.replication, "replication"),
            (role.bypassrls, "bypassrls"),
            (role.login, "login"),
            (!role.login, "no login"),
        ];
        let words = words.into_iter().filter(|(holds, _)| *holds).map(|(_, word)| word);
        Some(words.collect::<Vec<_>>().join(", "))
    }

    /// Powers are written down whether it has them or not: what is left out is compared by nobody.
    fn write(draft: Draft, seen: &Seen) -> Result<Draft, Unknown> {
        let role = &seen.role;
        let limit = Some(role.connection_limit).filter(|limit| *limit != -1);
        let until = role.valid_until.clone().filter(|until| until != FOREVER);
        Ok(draft
            .set("login", role.login)
            .set("superuser", role.superuser)
            .set("createdb", role.createdb)
            .set("createrole", role.createrole)
            .set("replication", role.replication)
            .set("bypassrls", role.bypassrls)
            .set("inherit", (!role.inherit).then_some(false))
            .set("connection_limit", limit)
            .set("valid_until", until)
            .set("comment", role.comment.clone()))
    }
}

#[cfg(test)]
mod tests {

    use super::*;
    use crate::kinds::NoFiles;

    fn spec(name: &str, mut table: Value) -> (PgRole, Vec<Code>) {
        table["database"] = json!("d");
        let mut spec: PgRole = serde_json::from_value(table).expect("keys that fit");
        let mut problems = Vec::new();
        spec.prepare(name, &NoFiles, &mut problems);
        (spec, problems.into_iter().map(|problem| problem.code).collect())
    }

    /// A role without powers.
    pub(super) fn role() -> Role {
        Role {
            name: "r".into(),
            superuser: false,
            createdb: false,
            createrole: false,
            replication: false,
            bypassrls: false,
            login: true,
            inherit: true,
            connection_limit: 2,
            valid_until: None,
            comment: Some("for the cutter".into()),
            predefined: false,
        }
    }

    fn seen(owned: Option<Result<Owned, Unknown>>) -> Chosen<Seen> {
        [("r".to_owned(), Seen { role: role(), owned })].into()
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        use Code::{Contradiction, MissingKey, WrongType};
        for (name, table, codes) in [
            ("r", json!({}), vec![]),
            ("r", json!({"connection_limit": -1, "valid_until": "infinity"}), vec![]),
            ("r", json!({"valid_until": "2027-01-01T00:00:00+02:00"}), vec![]),
            ("r", json!({"connection_limit": -2}), vec![WrongType]),
            ("r", json!({"valid_until": "2027-01-01"}), vec![WrongType]),
            ("r", json!({"valid_until": "never"}), vec![WrongType]),
            ("r", json!({"present": false, "login": true}), vec![Contradiction]),
            ("r*", json!({}), vec![MissingKey]),
            ("r*", json!({"only": ["r1"], "login": true}), vec![Contradiction]),
            ("d:r*", json!({"only": ["r1"]}), vec![]),
            ("r", json!({"only": []}), vec![Contradiction]),
        ] {
            assert_eq!(spec(name, table.clone()).1, codes, "{name} {table}");
        }
    }

    #[test]
    fn each_attribute_is_compared() {
        for (table, fields) in [
            (json!({"login": true, "superuser": false, "inherit": true}), vec![]),
            (json!({"connection_limit": 2, "valid_until": "infinity"}), vec![]),
            (json!({"superuser": true}), vec!["superuser"]),
            (json!({"createdb": true}), vec!["createdb"]),
            (json!({"createrole": true}), vec!["createrole"]),
            (json!({"replication": true}), vec!["replication"]),
            (json!({"bypassrls": true}), vec!["bypassrls"]),
            (json!({"login": false}), vec!["login"]),
            (json!({"inherit": false}), vec!["inherit"]),
            (json!({"connection_limit": -1}), vec!["connection_limit"]),
            (json!({"valid_until": "2027-01-01T00:00:00Z"}), vec!["valid_until"]),
            (json!({"comment": ""}), vec!["comment"]),
            (json!({"present": false}), vec!["presence"]),
        ] {
            let found = spec("r", table.clone()).0.diff("r", &seen(None));
            let differs: Vec<_> = found.differences.iter().map(|d| d.field.as_str()).collect();
            assert_eq!(differs, fields, "{table}");
            assert!(found.blind.is_empty(), "{table}");
        }
        let absent = spec("x", json!({"login": true})).0.diff("x", &seen(None));
        assert_eq!(absent.differences.len(), 1);
    }

    #[test]
    fn what_a_role_owns_is_named_or_unknown() {
        let owned = |count: u64, pinned| {
            let first = (0..count.min(2)).map(|n| format!("table public.t{n}")).collect();
            Some(Ok(Owned { count, first, pinned }))
        };
        let found = |wanted: bool, owned| {
            let found = spec("r", json!({"owns_nothing": wanted})).0.diff("r", &seen(owned));
            let shown = found.differences.iter().map(|d| d.actual.to_string());
            let blind = found.blind.iter().map(|b| b.unknown.reason.to_string());
            shown.chain(blind).collect::<Vec<_>>()
        };
        assert_eq!(found(true, owned(0, false)), [""; 0]);
        assert_eq!(found(true, owned(1, false)), ["\"1 object: table public.t0\""]);
        let many = "\"3 objects: table public.t0, table public.t1, …\"";
        assert_eq!(found(true, owned(3, false)), [many]);
        assert_eq!(found(false, owned(3, false)), [""; 0]);
        assert_eq!(found(false, owned(0, false)), ["\"nothing\""]);
        assert_eq!(found(true, owned(0, true)), ["not_supported"]);
        assert_eq!(found(true, None), ["not_recorded"]);
        let denied = Unknown::new(Reason::PermissionDenied, "x");
        assert_eq!(found(true, Some(Err(denied))), ["permission_denied"]);
    }

    #[test]
    fn a_pattern_means_predefined_roles_only_when_it_says_so() {
        let mut role = seen(None).remove("r").expect("the role");
        role.role.predefined = true;
        assert!(!PgRole::means("*", "pg_monitor", &role));
        assert!(PgRole::means("pg_*", "pg_monitor", &role));
        role.role.predefined = false;
        assert!(PgRole::means("*", "pg_smuggled", &role));
    }
}
