//! `[pg_membership."ROLE to MEMBER"]`: that a role is granted to another, how, and by whom; and all such grants.

mod remedy;

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::listed::{self, Chosen, Listed, Listing};
use super::{Adopted, Adoption, Answers, Draft, Files, Kind, Named, Problem, closed};
use crate::action::{Mended, Surroundings};
use crate::model::display::escape;
use crate::model::{Change, Code, Comparison, Difference, MembershipName, Reason, Unknown};
use crate::probe::World;
use crate::probe::catalog::{self, Membership, Options};
use crate::probe::postgres::Session;

/// The table of a membership, or of a pattern over their names.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PgMembership {
    /// The database, as in `[database.NAME]`, through which the server is asked.
    database: String,
    /// `false`: the role is not granted to that member. Default: true.
    #[serde(default = "super::presence::yes")]
    present: bool,
    /// May the member grant the role further?
    admin: Option<bool>,
    /// Has the member the rights of the role without `SET ROLE`? From PostgreSQL 16 on.
    inherit: Option<bool>,
    /// May the member `SET ROLE` to it? From PostgreSQL 16 on.
    set: Option<bool>,
    /// Who granted it: exactly these, in any order. From PostgreSQL 16 on.
    grantors: Option<BTreeSet<String>>,
    /// For a name with a `*`: all memberships that it matches, and no others. `[]`: none.
    only: Option<Vec<String>>,
}

/// Every grant of the role to that member: at least one.
type Grants = Vec<Membership>;

/// The options of all grants; `None` for a server that has none.
fn options(grants: &Grants) -> Option<Vec<&Options>> {
    grants.iter().map(|grant| grant.options.as_ref()).collect()
}

fn before_16() -> Unknown {
    let detail = "before PostgreSQL 16 a membership does not say";
    Unknown::new(Reason::NotSupported, detail)
}

fn check_name(name: &str, problems: &mut Vec<Problem>) {
    if closed::is_pattern(name) {
        if !name.contains(" to ") {
            let message = "a pattern over memberships is written as `ROLE to MEMBER`";
            let hint =
                "`* to cutter_exec` is all that it is a member of, `directus to *` all members";
            problems.push(Problem::resource(Code::BadName, message).hint(hint));
        }
    } else if let Err(why) = MembershipName::parse(name) {
        problems.push(Problem::resource(Code::BadName, why));
    }
}

impl Kind for PgMembership {
    const NAME: &'static str = "pg_membership";
    const ABOUT: &'static str =
        "a role that is granted to another: options, grantors; all members, all memberships";
    const DOC: &'static str = include_str!("pg_membership.md");
    const EXAMPLE: &'static str = r#"
[pg_membership."* to cutter_exec"]
database = "directus"
only = []

[pg_membership."* to cutter_verify"]
database = "directus"
only = []

[pg_membership."pg_monitor to countersign_observer"]
database = "directus"
admin = false
inherit = true

[pg_membership."pg_monitor to *"]
database = "directus"
only = ["pg_monitor to countersign_observer"]
"#;
    const IN_DATABASE: bool = true;
    const ADOPT: Option<Adoption> = Some(Adoption {
        flag: "membership",
        value: "PATTERN",
        help: "Memberships such as '* to cutter_exec' (all that it is a member of) or 'directus to *' (all its \
               members), and that there are no others",
        all: Some("* to *"),
    });
    type Observed = Chosen<Grants>;

    fn prepare(&mut self, name: &str, _files: &dyn Files, problems: &mut Vec<Problem>) {
        let name = listed::check(self, name, problems);
        for name in std::iter::once(name).chain(self.only.iter().flatten().map(String::as_str)) {
            check_name(name, problems);
        }
    }

    fn database(&self) -> Option<&str> {
        Some(&self.database)
    }

    async fn observe_all(world: &World, wanted: &[Named<Self>]) -> Answers<Chosen<Grants>> {
        listed::observe(world, wanted).await
    }

    async fn adopt(world: &World, asked: &str) -> Result<Adopted, Unknown> {
        let mut problems = Vec::new();
        check_name(asked, &mut problems);
        if let Some(problem) = problems.pop() {
            return Err(Unknown::new(Reason::NotSupported, problem.message));
        }
        listed::adopt::<Self>(world, asked).await
    }

    fn diff(&self, name: &str, chosen: &Chosen<Grants>) -> Comparison {
        listed::diff(self, name, chosen)
    }

    fn remedy(&self, name: &str, seen: &Chosen<Grants>, around: &Surroundings) -> Mended {
        Ok(remedy::remedy(self, name, seen, around))
    }
}

impl Listed for PgMembership {
    type Thing = Grants;

    fn wanted(&self) -> (bool, Option<&Vec<String>>) {
        (self.present, self.only.as_ref())
    }

    fn attributes(&self) -> Vec<(&'static str, bool)> {
        vec![
            ("admin", self.admin.is_some()),
            ("inherit", self.inherit.is_some()),
            ("set", self.set.is_some()),
            ("grantors", self.grantors.is_some()),
        ]
    }

    fn compare(&self, grants: &Grants, found: &mut Comparison) {
        let admin = grants.iter().any(|grant| grant.admin);
        found.expect("admin", self.admin.as_ref(), &admin);
        let told = |holds: fn(&Options) -> bool| match options(grants) {
            Some(options) => Ok(options.into_iter().any(holds)),
            None => Err(before_16()),
        };
        found.expect_told("inherit", self.inherit.as_ref(), &told(|options| options.inherit));
        found.expect_told("set", self.set.as_ref(), &told(|options| options.set));
        let Some(wanted) = &self.grantors else { return };
        let Some(options) = options(grants) else {
            found.blind("grantors", before_16());
            return;
        };
        let is: BTreeSet<String> = options.into_iter().map(|o| o.grantor.clone()).collect();
        let field = |name: &str| format!("grantors.{}", escape(name));
        for name in wanted.difference(&is) {
            let difference = Difference::new(field(name), "granted", Value::Null);
            found.differences.push(difference.changed(Change::Missing));
        }
        for name in is.difference(wanted) {
            let difference = Difference::new(field(name), Value::Null, "granted");
            found.differences.push(difference.changed(Change::Unlisted));
        }
    }

    async fn list(
        session: &Session,
        _names: &[&str],
        _wanted: &[&Named<Self>],
    ) -> Result<Listing<Grants>, Unknown> {
        let mut listed: BTreeMap<String, Grants> = BTreeMap::new();
        for grant in catalog::all::<Membership>(session).await? {
            let name = MembershipName { role: grant.role.clone(), member: grant.member.clone() };
            listed.entry(name.to_string()).or_default().push(grant);
        }
        Ok(listed.into())
    }

    fn about(grants: &Grants) -> Option<String> {
        let one = |grant: &Membership| {
            let mut words = vec![if grant.admin { "with admin" } else { "granted" }.to_owned()];
            if let Some(options) = &grant.options {
                words.extend((!options.inherit).then(|| "without inherit".to_owned()));
                words.extend((!options.set).then(|| "without set".to_owned()));
                words.push(format!("by {}", options.grantor));
            }
            words.join(" ")
        };
        Some(grants.iter().map(one).collect::<Vec<_>>().join("; "))
    }

    /// Options are written down whether it has them or not: what is left out is compared by nobody.
    fn write(draft: Draft, grants: &Grants) -> Result<Draft, Unknown> {
        let draft = draft.set("admin", grants.iter().any(|grant| grant.admin));
        let Some(options) = options(grants) else { return Ok(draft) };
        let grantors: BTreeSet<&str> = options.iter().map(|o| o.grantor.as_str()).collect();
        Ok(draft
            .set("inherit", options.iter().any(|options| options.inherit))
            .set("set", options.iter().any(|options| options.set))
            .set("grantors", grantors.into_iter().collect::<Vec<_>>()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kinds::NoFiles;

    fn spec(name: &str, mut table: Value) -> (PgMembership, Vec<Code>) {
        table["database"] = json!("d");
        let mut spec: PgMembership = serde_json::from_value(table).expect("keys that fit");
        let mut problems = Vec::new();
        spec.prepare(name, &NoFiles, &mut problems);
        (spec, problems.into_iter().map(|problem| problem.code).collect())
    }

    fn grant(admin: bool, options: Option<(bool, bool, &str)>) -> Membership {
        let options =
            options.map(|(inherit, set, by)| Options { inherit, set, grantor: by.to_owned() });
        Membership { role: "a".into(), member: "b".into(), admin, options }
    }

    fn lines(table: Value, grants: &[Membership]) -> Vec<String> {
        let seen = if grants.is_empty() {
            Chosen::new()
        } else {
            [("a to b".to_owned(), grants.to_vec())].into()
        };
        let found = spec("a to b", table).0.diff("a to b", &seen);
        let blind = found.blind.iter().map(|b| format!("blind {}", b.field));
        found.differences.iter().map(|d| d.field.clone()).chain(blind).collect()
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        use Code::{BadName, Contradiction, MissingKey};
        for (name, table, codes) in [
            ("a to b", json!({}), vec![]),
            ("d:a to b", json!({"set": true}), vec![]),
            ("a", json!({}), vec![BadName]),
            ("a to B", json!({}), vec![BadName]),
            ("* to b", json!({}), vec![MissingKey]),
            ("* to b", json!({"only": ["a to b"]}), vec![]),
            ("* to b", json!({"only": [], "admin": false}), vec![Contradiction]),
            ("*", json!({"only": []}), vec![BadName]),
            ("* to *", json!({"only": ["a to B"]}), vec![BadName]),
            ("a to b", json!({"present": false, "admin": true}), vec![Contradiction]),
        ] {
            assert_eq!(spec(name, table.clone()).1, codes, "{name} {table}");
        }
    }

    #[test]
    fn options_of_several_grants_add_up() {
        let both = [grant(false, Some((true, false, "x"))), grant(true, Some((false, true, "y")))];
        let all = json!({"admin": true, "inherit": true, "set": true, "grantors": ["x", "y"]});
        assert_eq!(lines(all, &both), [""; 0]);
        let none = json!({"admin": false, "inherit": false, "set": false, "grantors": ["x", "z"]});
        let fields = ["admin", "inherit", "set", "grantors.z", "grantors.y"];
        assert_eq!(lines(none.clone(), &both), fields);
        let one = [grant(false, Some((false, false, "x")))];
        assert_eq!(lines(none, &one), ["grantors.z"]);
        assert_eq!(lines(json!({"present": false}), &both), ["presence"]);
        assert_eq!(lines(json!({"admin": true}), &[]), ["presence"]);
    }

    #[test]
    fn an_old_server_tells_admin_and_nothing_else() {
        let wanted = json!({"admin": false, "inherit": true, "set": true, "grantors": ["x"]});
        let found = lines(wanted, &[grant(true, None)]);
        assert_eq!(found, ["admin", "blind inherit", "blind set", "blind grantors"]);
        assert_eq!(lines(json!({"admin": true}), &[grant(true, None)]), [""; 0]);
    }
}
