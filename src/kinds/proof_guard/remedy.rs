//! The statements that make a guard what it has to be: what is missing is made, and what was altered is set right. What
//! others made is never touched, and nothing is dropped but a trigger that is made anew.

use std::collections::BTreeMap;

use super::rights::{Rights, of_new_function, owner_of, powers};
use super::{ProofGuard, REFUSE, recording, wanted};
use crate::action::{Risk, Statement, Surroundings};
use crate::kinds::Kind as _;
use crate::kinds::grant_sql::{Privilege, Verb, text};
use crate::model::display::escape;
use crate::model::grant::{Class, Grant, Grantee, Securable};
use crate::model::sql::literal;
use crate::model::{ResourceName, quoted};
use crate::probe::catalog::{Guard, GuardFunction, GuardTrigger, Pill};

/// What one statement grants or takes: with what takes it back.
type Group = (Verb, Verb, Securable, Grantee);

/// The statements, in the order in which they run; or why there are none.
pub(super) fn statements(
    table: &ProofGuard,
    name: &str,
    seen: &Guard,
    around: &Surroundings,
) -> Result<Vec<Statement>, String> {
    if !table.present {
        return Err("only what an earlier plan created is ever removed".to_owned());
    }
    let schema = super::object_name(name, &table.database);
    let mut said = Said::new(name, schema, table.owner());
    of_others(table, schema, seen, around)?;
    if seen.owner.is_none() {
        let owner = quoted(said.owner);
        said.creates(format!("CREATE ROLE {owner} NOLOGIN"), format!("DROP ROLE {owner}"));
    }
    if seen.schema.is_none() {
        let (schema, owner) = (quoted(schema), quoted(said.owner));
        let create = format!("CREATE SCHEMA {schema} AUTHORIZATION {owner}");
        said.creates(create, format!("DROP SCHEMA {schema}"));
    }
    // First of all, so that taken back last: a trigger that comes again has no comment.
    for (what, comment) in &seen.comments {
        said.comment(what, comment)?;
    }
    said.pill(seen.pill.as_ref())?;
    // A trigger calls a function, and a function is owned by whoever may call it: each has its turn.
    said.old_trigger(seen.trigger.as_ref())?;
    said.function(seen.function.as_ref())?;
    said.new_trigger(seen.trigger.as_ref());
    let rights = Rights::new(table, schema, seen, true);
    said.takes(&rights, seen)?;
    said.owners(seen);
    said.gives(&rights, seen)?;
    let resource = said.resource.clone();
    said.all.extend(recording::statements(table, &resource, seen, around)?);
    Ok(said.done())
}

/// Why a guard is left alone: somebody else's part in it is not this kind's to change.
fn of_others(
    table: &ProofGuard,
    schema: &str,
    seen: &Guard,
    around: &Surroundings,
) -> Result<(), String> {
    let provers = || table.provers.iter().map(String::as_str);
    if let Some(why) =
        std::iter::once(table.owner()).chain(provers()).find_map(|r| around.own_role(r))
    {
        return Err(why);
    }
    if let Some(prover) = provers().find(|prover| !seen.provers.contains_key(*prover)) {
        return Err(format!("there is no role `{}`, and none is made here", escape(prover)));
    }
    for prover in provers() {
        let powers = powers(prover, schema, seen);
        if !powers.is_empty() {
            let (prover, powers) = (escape(prover), powers.join(", "));
            return Err(format!("`{prover}` has {}, which no grant decides", escape(&powers)));
        }
    }
    if seen.owner.as_ref().is_some_and(|owner| *owner != wanted::owner()) {
        let owner = escape(table.owner());
        return Err(format!(
            "role `{owner}` has attributes, members or memberships; `pg_role` and `pg_membership` mend a role"
        ));
    }
    let other = seen.others.first();
    let other =
        other.map(|other| format!("{} {} is somebody else's", other.class, escape(&other.name)));
    other.map_or(Ok(()), Err)
}

/// Statements as they come together.
struct Said<'a> {
    resource: String,
    schema: &'a str,
    owner: &'a str,
    all: Vec<Statement>,
}

impl<'a> Said<'a> {
    fn new(name: &str, schema: &'a str, owner: &'a str) -> Self {
        let resource = ResourceName::new(ProofGuard::NAME, name).to_string();
        Self { resource, schema, owner, all: Vec::new() }
    }

    fn say(&mut self, text: String, undo: Option<String>, risk: Risk) {
        let resource = self.resource.clone();
        self.all.push(Statement { resource, text, undo, rehearse: false, risk });
    }

    /// Something comes that was not there.
    fn creates(&mut self, text: String, undo: String) {
        self.say(text, Some(undo), Risk::Low);
    }

    /// Something that is there changes.
    fn alters(&mut self, text: String, undo: Option<String>) {
        self.say(text, undo, Risk::Medium);
    }

    fn pill(&mut self, seen: Option<&Pill>) -> Result<(), String> {
        let name = wanted::pill_of(self.schema).sql();
        let Some(seen) = seen else {
            self.creates(wanted::create_pill(self.schema), format!("DROP TABLE {name}"));
            // Whoever takes it back owns it for a moment, as whoever made it did.
            let give = |owner: &str| format!("ALTER TABLE {name} OWNER TO {owner}");
            self.creates(give(&quoted(self.owner)), give("CURRENT_USER"));
            return Ok(());
        };
        let alike = Pill {
            owner: self.owner.to_owned(),
            persistence: "permanent".to_owned(),
            row_security: false,
            forced_row_security: false,
            ..seen.clone()
        };
        if alike != wanted::pill(self.owner) || seen.persistence == "temporary" {
            let name = escape(&wanted::pill_of(self.schema).to_string()).into_owned();
            return Err(format!("{name} is another table than that of a guard; remove it by hand"));
        }
        let mut alter = |differs: bool, set: &str, back: &str| {
            if differs {
                let text = |words: &str| format!("ALTER TABLE {name} {words}");
                self.alters(text(set), Some(text(back)));
            }
        };
        alter(seen.persistence == "unlogged", "SET LOGGED", "SET UNLOGGED");
        alter(seen.row_security, "DISABLE ROW LEVEL SECURITY", "ENABLE ROW LEVEL SECURITY");
        alter(seen.forced_row_security, "NO FORCE ROW LEVEL SECURITY", "FORCE ROW LEVEL SECURITY");
        Ok(())
    }

    fn function(&mut self, seen: Option<&GuardFunction>) -> Result<(), String> {
        let wanted = wanted::function(self.owner);
        let name = wanted::function_sql(self.schema);
        let create = |create, function| wanted::create_function(create, self.schema, function);
        let unsaid = || format!("{} cannot be written as SQL", escape(&name));
        let Some(seen) = seen else {
            let text = create("CREATE FUNCTION", &wanted).ok_or_else(unsaid)?;
            self.creates(text, format!("DROP FUNCTION {name}"));
            let give = |owner: &str| format!("ALTER FUNCTION {name} OWNER TO {owner}");
            self.creates(give(&quoted(self.owner)), give("CURRENT_USER"));
            return Ok(());
        };
        let same = (&seen.kind, &seen.language, &seen.returns)
            == (&wanted.kind, &wanted.language, &wanted.returns);
        if !same {
            let name = escape(&name).into_owned();
            return Err(format!("{name} is of another kind, language or type; remove it by hand"));
        }
        if (GuardFunction { owner: seen.owner.clone(), ..wanted.clone() }) != *seen {
            const REPLACE: &str = "CREATE OR REPLACE FUNCTION";
            let text = create(REPLACE, &wanted).ok_or_else(unsaid)?;
            let back = create(REPLACE, seen);
            self.alters(text, back);
        }
        Ok(())
    }

    /// Takes away a trigger that has to be made anew.
    fn old_trigger(&mut self, seen: Option<&GuardTrigger>) -> Result<(), String> {
        let Some(seen) = seen.filter(|seen| self.is_another(seen)) else { return Ok(()) };
        let again = wanted::create_trigger(self.schema, seen);
        let again =
            again.ok_or("its trigger is another one than can be made again; drop it by hand")?;
        if seen.enabled != "origin" {
            self.enable("origin", &seen.enabled);
        }
        let (name, pill) = (quoted(REFUSE), wanted::pill_of(self.schema).sql());
        self.alters(format!("DROP TRIGGER {name} ON {pill}"), Some(again));
        Ok(())
    }

    fn new_trigger(&mut self, seen: Option<&GuardTrigger>) {
        let wanted = wanted::trigger(self.schema);
        match seen.filter(|seen| !self.is_another(seen)) {
            Some(seen) if seen.enabled == wanted.enabled => {}
            Some(seen) => self.enable(&wanted.enabled, &seen.enabled),
            None => {
                let (name, pill) = (quoted(REFUSE), wanted::pill_of(self.schema).sql());
                let Some(create) = wanted::create_trigger(self.schema, &wanted) else { return };
                self.creates(create, format!("DROP TRIGGER {name} ON {pill}"));
                self.enable(&wanted.enabled, "origin");
            }
        }
    }

    /// Is it another trigger, whenever it fires?
    fn is_another(&self, seen: &GuardTrigger) -> bool {
        let wanted = wanted::trigger(self.schema);
        GuardTrigger { enabled: wanted.enabled.clone(), ..seen.clone() } != wanted
    }

    fn enable(&mut self, enabled: &str, was: &str) {
        if let Some(text) = wanted::enable(self.schema, enabled) {
            self.alters(text, wanted::enable(self.schema, was));
        }
    }

    fn comment(&mut self, what: &str, comment: &str) -> Result<(), String> {
        let (schema, pill) = (quoted(self.schema), wanted::pill_of(self.schema).sql());
        let on = match what {
            "schema" => format!("SCHEMA {schema}"),
            "pill" => format!("TABLE {pill}"),
            "column n" => format!("COLUMN {pill}.\"n\""),
            "function" => format!("FUNCTION {}", wanted::function_sql(self.schema)),
            "trigger" => format!("TRIGGER {} ON {pill}", quoted(REFUSE)),
            "constraint" => format!("CONSTRAINT {} ON {pill}", quoted(REFUSE)),
            _ => return Err(format!("nobody knows what a comment on the {} is", escape(what))),
        };
        let say = |text: &str| format!("COMMENT ON {on} IS {text}");
        self.alters(say("NULL"), Some(say(&literal(comment))));
        Ok(())
    }

    fn owners(&mut self, seen: &Guard) {
        let pill = wanted::pill_of(self.schema).sql();
        let things = [
            (Class::Schema, format!("SCHEMA {}", quoted(self.schema))),
            (Class::Table, format!("TABLE {pill}")),
            (Class::Function, format!("FUNCTION {}", wanted::function_sql(self.schema))),
        ];
        for (class, thing) in things {
            let Some(was) = owner_of(class, seen).filter(|owner| *owner != self.owner) else {
                continue;
            };
            let give = |owner: &str| format!("ALTER {thing} OWNER TO {}", quoted(owner));
            let (text, back) = (give(self.owner), give(was));
            self.alters(text, Some(back));
        }
    }

    /// What nobody should have. Its owner takes it back, so what others granted stays.
    fn takes(&mut self, rights: &Rights<'_>, seen: &Guard) -> Result<(), String> {
        let mut groups: BTreeMap<Group, Vec<Privilege>> = BTreeMap::new();
        let verbs = |grant: &&Grant| {
            let back = if grant.with_grant_option { Verb::GrantWithOption } else { Verb::Grant };
            (Verb::Revoke, back)
        };
        let unlisted = rights.unlisted.iter().map(|grant| (*grant, verbs(grant)));
        let passed_on = rights.passed_on.iter();
        let passed_on =
            passed_on.map(|grant| (*grant, (Verb::RevokeOption, Verb::GrantWithOption)));
        for (grant, verbs) in unlisted.chain(passed_on) {
            let owner = owner_of(grant.on.class, seen);
            let by_owner = |by: &[String]| match (by, owner) {
                ([by], Some(owner)) => by == owner,
                // Nobody owns a setting: its grants are those of the first superuser.
                (by, None) => by.len() == 1,
                _ => false,
            };
            if !by_owner(&grant.granted_by) {
                let (said, by) = (grant.subject(), grant.granted_by.join(", "));
                return Err(format!("{}: {} has to take it back", escape(&said), escape(&by)));
            }
            add(&mut groups, verbs, grant);
        }
        self.grants(groups)
    }

    fn gives(&mut self, rights: &Rights<'_>, seen: &Guard) -> Result<(), String> {
        let mut groups: BTreeMap<Group, Vec<Privilege>> = BTreeMap::new();
        if seen.function.is_none() {
            let everybody = Grantee::Public;
            let group = (Verb::Revoke, Verb::Grant, of_new_function(self.schema), everybody);
            groups.insert(group, vec![("EXECUTE".to_owned(), None)]);
        }
        for grant in &rights.missing {
            add(&mut groups, (Verb::Grant, Verb::Revoke), grant);
        }
        self.grants(groups)
    }

    fn grants(&mut self, groups: BTreeMap<Group, Vec<Privilege>>) -> Result<(), String> {
        for ((verb, back, on, grantee), privileges) in groups {
            let say = |verb| text(verb, &on, &grantee, &privileges);
            let (text, undo) = (say(verb)?, say(back)?);
            let setting = on.class == Class::Parameter;
            let risk = if setting && verb == Verb::Grant { Risk::High } else { Risk::Medium };
            let (resource, undo) = (self.resource.clone(), Some(undo));
            self.all.push(Statement { resource, text, undo, rehearse: true, risk });
        }
        Ok(())
    }

    /// All of them. What is granted on something can be tried alone only where that is there as it will be.
    fn done(mut self) -> Vec<Statement> {
        if self.all.iter().any(|statement| !statement.rehearse) {
            self.all.iter_mut().for_each(|statement| statement.rehearse = false);
        }
        self.all
    }
}

fn add(groups: &mut BTreeMap<Group, Vec<Privilege>>, (verb, back): (Verb, Verb), grant: &Grant) {
    let group = (verb, back, grant.on.clone(), grant.grantee.clone());
    groups.entry(group).or_default().push((grant.privilege.clone(), grant.column.clone()));
}
