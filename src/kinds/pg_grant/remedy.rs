//! The statements that make grants what a list says: exactly what is missing is granted, exactly what is not listed is
//! revoked, and each can be taken back.

use std::collections::BTreeMap;

use super::PgGrant;
use super::compare::{List, effective};
use super::look::{Seen, probes};
use super::subject::{Subject, schema_of};
use super::wanted::{Key, sentence};
use crate::action::{Remedy, Risk, Statement, Surroundings};
use crate::kinds::Kind as _;
use crate::kinds::grant_sql::{Privilege, Verb, text};
use crate::model::display::escape;
use crate::model::grant::{Class, Grant, Grantee, Securable, Standing};
use crate::model::{Comparison, ResourceName};

/// The most statements for one table of grants.
const STATEMENTS_MAX: usize = 1000;

/// What one statement says: what is done, what takes it back, on what, and to whom.
type Group = (Verb, Option<Verb>, Securable, Grantee);

/// The statements, or why there are none.
pub(super) fn remedy(
    table: &PgGrant,
    name: &str,
    subject: &Subject,
    seen: &Seen,
    around: &Surroundings,
) -> Remedy {
    let to_come = to_come(subject, seen, around);
    let seen = to_come.as_ref().unwrap_or(seen);
    let made = deeds(table, subject, seen).and_then(|deeds| {
        certain(table, subject, seen, &deeds)?;
        others_only(&deeds, around)?;
        statements(name, deeds)
    });
    match made {
        Ok(statements) => Remedy::Statements(statements),
        Err(why) => Remedy::Nothing(why),
    }
}

/// What would be seen once the roles are made that the same transaction makes first: a new role has nothing, and nothing
/// stands in the way of a grant to it. Whether that was so is looked at in the transaction, before it is committed.
fn to_come(subject: &Subject, seen: &Seen, around: &Surroundings) -> Option<Seen> {
    if around.coming.is_empty() {
        return None;
    }
    let coming = |grantee: &Grantee| match grantee {
        Grantee::Role(role) => around.coming.contains(role),
        Grantee::Public => false,
    };
    let mut seen = seen.clone();
    seen.present |= matches!(subject, Subject::To(grantee) if coming(grantee));
    let roles = around.coming.iter().map(|role| Grantee::Role(role.clone()));
    roles.for_each(|role| drop(seen.absent.remove(&format!("to {role}"))));
    Some(seen)
}

/// Why nothing is granted to or on what is not there.
const ABSENT: &str = "the role, thing or schema of its key does not exist; a plan can grant to a role that it makes \
    itself, and on what is there";

fn deeds(
    table: &PgGrant,
    subject: &Subject,
    seen: &Seen,
) -> Result<BTreeMap<Group, Vec<Privilege>>, String> {
    if !seen.present {
        return Err(ABSENT.into());
    }
    if table.grants.is_none() {
        return Err("only `grants` says by which grants it would be mended".into());
    }
    let spoken_of = |grant: &&Grant| {
        subject.covers(grant)
            && !table.wanted.leaves(grant)
            && (!matches!(subject, Subject::To(_)) || table.is_within(schema_of(&grant.on)))
    };
    let there: Vec<&Grant> = seen.grants.iter().filter(spoken_of).collect();
    let mut list = List::new(table, seen, &there);
    let mut groups = Comparison::default();
    list.spread(&mut groups);
    if let Some(missing) = groups.differences.first() {
        return Err(format!("there are no {}", missing.field));
    }
    let mut deeds: BTreeMap<Group, Vec<Privilege>> = BTreeMap::new();
    let mut add = |key: &Key, verb: Verb, back: Option<Verb>| {
        let (on, column, privilege, grantee) = key.clone();
        deeds.entry((verb, back, on, grantee)).or_default().push((privilege, column));
    };
    for (key, phrase) in &list.wanted {
        let there = list.granted.get(key).copied().filter(|g| g.standing != Standing::Revoked);
        let wanted = if phrase.with_grant_option { Verb::GrantWithOption } else { Verb::Grant };
        let grantor = phrase.granted_by.as_ref();
        match there {
            Some(grant) if phrase.negated => {
                add(key, Verb::Revoke, Some(back_of(key, grant, &list)?));
            }
            None if phrase.negated => {}
            Some(grant) if grantor.is_some_and(|role| !grant.granted_by.contains(role)) => {
                return Err(another_grantor(key));
            }
            None if grantor.is_some() => return Err(another_grantor(key)),
            None => {
                if let Some(why) = list.absence(key) {
                    return Err(format!("{}: {}", escape(&sentence(key)), escape(why)));
                }
                add(key, wanted, (!has_columns(key, &list)).then_some(Verb::Revoke));
            }
            Some(grant) if grant.with_grant_option == phrase.with_grant_option => {}
            Some(_) if phrase.with_grant_option => {
                add(key, Verb::GrantWithOption, Some(Verb::RevokeOption));
            }
            Some(grant) if grant.standing == Standing::Granted => {
                one_grantor(key, grant)?;
                add(key, Verb::RevokeOption, Some(Verb::GrantWithOption));
            }
            Some(_) => {}
        }
    }
    for (key, grant) in list.granted.iter().filter(|(key, _)| !list.wanted.contains_key(*key)) {
        match grant.standing {
            Standing::Initial => {}
            Standing::Granted => add(key, Verb::Revoke, Some(back_of(key, grant, &list)?)),
            Standing::Revoked => add(key, Verb::Grant, Some(Verb::Revoke)),
        }
    }
    Ok(deeds)
}

/// None of the roles whose rights would change is one of the program's own.
fn others_only(
    deeds: &BTreeMap<Group, Vec<Privilege>>,
    around: &Surroundings,
) -> Result<(), String> {
    let mut roles = deeds.keys().flat_map(|(_, _, on, grantee)| {
        let future = on.class.is_future().then_some(&on.name);
        let role = match grantee {
            Grantee::Public => None,
            Grantee::Role(role) => Some(role),
        };
        future.into_iter().chain(role)
    });
    roles.find_map(|role| around.own_role(role)).map_or(Ok(()), Err)
}

fn another_grantor(key: &Key) -> String {
    let said = sentence(key);
    format!("{}: a grant in another role's name is that role's to make", escape(&said))
}

/// What takes a REVOKE back; an error where the REVOKE would not do what is wanted.
fn back_of(key: &Key, grant: &Grant, list: &List<'_>) -> Result<Verb, String> {
    one_grantor(key, grant)?;
    if has_columns(key, list) {
        let said = sentence(key);
        let said = escape(&said);
        return Err(format!("{said}: to revoke it on the whole takes it from single columns too"));
    }
    Ok(if grant.with_grant_option { Verb::GrantWithOption } else { Verb::Grant })
}

fn one_grantor(key: &Key, grant: &Grant) -> Result<(), String> {
    if grant.granted_by.len() < 2 {
        return Ok(());
    }
    let (said, by) = (sentence(key), grant.granted_by.join(", "));
    Err(format!("{}: each of {} has to take back its own grant", escape(&said), escape(&by)))
}

/// Does the grantee have the same privilege on single columns, by grants of their own?
fn has_columns(key: &Key, list: &List<'_>) -> bool {
    let (on, column, privilege, grantee) = key;
    let same = |(key, grant): (&Key, &&Grant)| {
        (&key.0, &key.2, &key.3) == (on, privilege, grantee)
            && key.1.is_some()
            && grant.standing != Standing::Revoked
    };
    column.is_none() && on.class == Class::Table && list.granted.iter().any(same)
}

/// Would these statements also end what differs in effect? A right that a role has by other ways is not mended by grants.
fn certain(
    table: &PgGrant,
    subject: &Subject,
    seen: &Seen,
    deeds: &BTreeMap<Group, Vec<Privilege>>,
) -> Result<(), String> {
    let gives = deeds.keys().any(|(verb, ..)| *verb >= Verb::Grant);
    let takes = deeds.keys().any(|(verb, ..)| *verb < Verb::Grant);
    if let Subject::To(grantee) = subject {
        let mut found = Comparison::default();
        effective(&probes(table, grantee, seen.version), seen, &mut found);
        for difference in &found.differences {
            let helped = if difference.desired == "denied" { takes } else { gives };
            if !helped {
                let field = &difference.field;
                return Err(format!("no grant of the list decides whether {field} is possible"));
            }
        }
    }
    if gives || takes {
        return Ok(());
    }
    Err("the list is as it should be, and what differs beside it no grant of the list decides"
        .into())
}

fn statements(
    name: &str,
    deeds: BTreeMap<Group, Vec<Privilege>>,
) -> Result<Vec<Statement>, String> {
    if deeds.len() > STATEMENTS_MAX {
        return Err(format!("{} statements, at most {STATEMENTS_MAX} are planned", deeds.len()));
    }
    let resource = ResourceName::new(PgGrant::NAME, name).to_string();
    let one = |((verb, back, on, grantee), privileges): (Group, Vec<Privilege>)| {
        let text = |verb| text(verb, &on, &grantee, &privileges);
        Ok(Statement {
            resource: resource.clone(),
            text: text(verb)?,
            undo: back.map(text).transpose()?,
            rehearse: true,
            risk: risk(verb, &on, &grantee),
        })
    };
    deeds.into_iter().map(one).collect()
}

fn risk(verb: Verb, on: &Securable, grantee: &Grantee) -> Risk {
    match verb {
        Verb::GrantWithOption => Risk::High,
        Verb::Grant if *grantee == Grantee::Public || on.class == Class::Parameter => Risk::High,
        _ => Risk::Medium,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::kinds::{Kind, NoFiles};

    fn table(name: &str, keys: Value) -> PgGrant {
        let mut keys = keys;
        keys["database"] = json!("d");
        let mut spec: PgGrant = serde_json::from_value(keys).expect("keys that fit");
        let mut problems = Vec::new();
        spec.prepare(name, &NoFiles, &mut problems);
        assert!(problems.is_empty(), "{problems:?}");
        spec
    }

    /// What is granted, as sentences: each `SELECT on s.t to r`, with what stands behind.
    fn seen(there: &[(&str, &str, &str)], absent: &[&str]) -> Seen {
        let grant = |(privilege, on, grantee): &(&str, &str, &str)| {
            let (grantee, option) = match grantee.strip_suffix(" with grant option") {
                Some(grantee) => (grantee, true),
                None => (*grantee, false),
            };
            let (privilege, column) = match privilege.split_once(' ') {
                Some((privilege, column)) => (privilege, Some(column.to_owned())),
                None => (*privilege, None),
            };
            Grant {
                privilege: privilege.to_owned(),
                column,
                on: Securable::parse(on).expect(on),
                grantee: Grantee::parse(grantee).expect(grantee),
                with_grant_option: option,
                standing: Standing::Granted,
                granted_by: vec!["owner".to_owned()],
            }
        };
        Seen {
            version: 160_013,
            present: true,
            superuser: false,
            grants: there.iter().map(grant).collect(),
            absent: absent
                .iter()
                .map(|name| ((*name).to_owned(), "no such table".to_owned()))
                .collect(),
            all: BTreeMap::new(),
            effective: Ok(BTreeMap::new()),
        }
    }

    fn mended(name: &str, grants: &Value, seen: &Seen) -> Result<Vec<Statement>, String> {
        let own = BTreeMap::from([("observer".to_owned(), "the observer of `d`".to_owned())]);
        let around = Surroundings { own_roles: own, ..Surroundings::default() };
        match Kind::remedy(&table(name, json!({ "grants": grants })), name, seen, &around) {
            Ok(Remedy::Statements(statements)) => Ok(statements),
            Ok(Remedy::Nothing(why)) => Err(why),
            other => panic!("{other:?}"),
        }
    }

    fn texts(name: &str, grants: &Value, seen: &Seen) -> Vec<(String, Option<String>)> {
        let statements = mended(name, grants, seen).expect("statements");
        statements.into_iter().map(|one| (one.text, one.undo)).collect()
    }

    fn pair(text: &str, undo: &str) -> (String, Option<String>) {
        (text.to_owned(), Some(undo.to_owned()))
    }

    #[test]
    fn exactly_what_differs_is_granted_and_revoked() {
        let seen_now = seen(
            &[
                ("SELECT", "public.a", "r"),
                ("DELETE", "public.a", "r"),
                ("UPDATE x", "public.b", "r"),
            ],
            &[],
        );
        let wanted = json!(["SELECT, INSERT on public.a", "UPDATE (x, \"Y\") on public.b"]);
        assert_eq!(
            texts("r", &wanted, &seen_now),
            [
                pair(
                    r#"REVOKE DELETE ON TABLE "public"."a" FROM "r""#,
                    r#"GRANT DELETE ON TABLE "public"."a" TO "r""#
                ),
                pair(
                    r#"GRANT INSERT ON TABLE "public"."a" TO "r""#,
                    r#"REVOKE INSERT ON TABLE "public"."a" FROM "r""#
                ),
                pair(
                    r#"GRANT UPDATE ("Y") ON TABLE "public"."b" TO "r""#,
                    r#"REVOKE UPDATE ("Y") ON TABLE "public"."b" FROM "r""#,
                ),
            ]
        );
    }

    #[test]
    fn grant_options_come_and_go_alone() {
        let with = seen(&[("SELECT", "public.a", "r with grant option")], &[]);
        assert_eq!(
            texts("r", &json!(["SELECT on public.a"]), &with),
            [pair(
                r#"REVOKE GRANT OPTION FOR SELECT ON TABLE "public"."a" FROM "r""#,
                r#"GRANT SELECT ON TABLE "public"."a" TO "r" WITH GRANT OPTION"#,
            )]
        );
        let without = seen(&[("SELECT", "public.a", "r")], &[]);
        let wanted = json!(["SELECT on public.a with grant option"]);
        assert_eq!(
            texts("r", &wanted, &without),
            [pair(
                r#"GRANT SELECT ON TABLE "public"."a" TO "r" WITH GRANT OPTION"#,
                r#"REVOKE GRANT OPTION FOR SELECT ON TABLE "public"."a" FROM "r""#,
            )]
        );
        assert_eq!(mended("r", &wanted, &without).expect("one")[0].risk, Risk::High);
    }

    #[test]
    fn every_class_has_its_words_and_no_name_leaves_its_quotes() {
        for (on, text) in [
            ("sequence public.s", r#"USAGE ON SEQUENCE "public"."s" TO PUBLIC"#),
            (
                "schema \"a\"\"; DROP TABLE x; --\"",
                r#"USAGE ON SCHEMA "a""; DROP TABLE x; --" TO PUBLIC"#,
            ),
            ("type public.t", r#"USAGE ON TYPE "public"."t" TO PUBLIC"#),
            ("language plpgsql", r#"USAGE ON LANGUAGE "plpgsql" TO PUBLIC"#),
            ("foreign server far", r#"USAGE ON FOREIGN SERVER "far" TO PUBLIC"#),
        ] {
            let statements =
                mended("PUBLIC", &json!([format!("USAGE on {on}")]), &seen(&[], &[])).expect(on);
            assert_eq!(statements[0].text, format!("GRANT {text}"));
            assert_eq!(statements[0].risk, Risk::High, "everybody gets it");
        }
        let routine = json!(["EXECUTE on function public.f(text, \"T\"[])"]);
        let statements = mended("r", &routine, &seen(&[], &[])).expect("a function");
        assert_eq!(
            statements[0].text,
            r#"GRANT EXECUTE ON FUNCTION "public"."f"(text, "T"[]) TO "r""#
        );
        assert_eq!(statements[0].risk, Risk::Medium);
        let out = json!(["EXECUTE on function public.f(text) TO x; --)"]);
        assert!(mended("r", &out, &seen(&[], &[])).expect_err("no types").contains("no types"));
        let future = json!(["SELECT on future tables of owner in schema shop"]);
        let statements = mended("r", &future, &seen(&[], &[])).expect("default privileges");
        assert_eq!(
            statements[0].text,
            r#"ALTER DEFAULT PRIVILEGES FOR ROLE "owner" IN SCHEMA "shop" GRANT SELECT ON TABLES TO "r""#
        );
    }

    #[test]
    fn a_role_that_the_same_transaction_makes_is_granted_to() {
        let remedied = |name: &str, wanted: Value, seen: &Seen, coming: &[&str]| {
            let coming = coming.iter().map(|role| (*role).to_owned()).collect();
            let around = Surroundings { coming, ..Surroundings::default() };
            let table = table(name, json!({ "grants": wanted }));
            match Kind::remedy(&table, name, seen, &around) {
                Ok(Remedy::Statements(all)) => Ok(all.into_iter().map(|one| one.text).collect()),
                Ok(Remedy::Nothing(why)) => Err(why),
                other => panic!("{other:?}"),
            }
        };
        let texts = |text: &str| Ok(vec![text.to_owned()]);
        let new = Seen { present: false, ..seen(&[], &[]) };
        let granted = r#"GRANT SELECT ON TABLE "public"."a" TO "r""#;
        let wanted = || json!(["SELECT on public.a"]);
        assert_eq!(remedied("r", wanted(), &new, &["r"]), texts(granted));
        assert!(remedied("r", wanted(), &new, &["s"]).expect_err("another").contains("not exist"));
        let missing = Seen { present: false, ..seen(&[], &["public.a"]) };
        let why = remedied("r", wanted(), &missing, &["r"]).expect_err("no table");
        assert!(why.contains("no such table"), "{why}");
        let listed = seen(&[], &["to r"]);
        let wanted = || json!(["SELECT to r"]);
        assert_eq!(remedied("on public.a", wanted(), &listed, &["r"]), texts(granted));
        assert!(remedied("on public.a", wanted(), &listed, &[]).is_err());
    }

    #[test]
    fn what_is_not_certain_is_left_alone() {
        let none = seen(&[], &[]);
        let absent = seen(&[], &["public.a"]);
        let why =
            |name: &str, grants: Value, seen: &Seen| mended(name, &grants, seen).expect_err(name);
        assert!(why("r", json!(["SELECT on public.a"]), &absent).contains("no such table"));
        assert!(
            why("observer", json!(["SELECT on public.a"]), &none).contains("role of this program")
        );
        assert!(
            why("r", json!(["SELECT on public.a granted by x"]), &none).contains("another role's")
        );
        let columns = seen(&[("SELECT", "public.a", "r"), ("SELECT x", "public.a", "r")], &[]);
        assert!(why("r", json!(["SELECT (x) on public.a"]), &columns).contains("single columns"));
        let mut twice = seen(&[("SELECT", "public.a", "r")], &[]);
        twice.grants[0].granted_by.push("other".to_owned());
        assert!(why("r", json!([]), &twice).contains("owner, other"));
        // What another table decides is neither granted nor revoked.
        let spec = table(
            "r",
            json!({"grants": ["SELECT on public.a"], "elsewhere": ["INSERT on public.a"]}),
        );
        let inserts = seen(&[("INSERT", "public.a", "r")], &[]);
        let remedy = Kind::remedy(&spec, "r", &inserts, &Surroundings::default());
        assert!(matches!(remedy, Ok(Remedy::Statements(all)) if all.len() == 1));
        // To grant on the whole, and take that back, would take the column with it.
        let column = seen(&[("SELECT x", "public.a", "r")], &[]);
        let wanted = json!(["SELECT on public.a", "SELECT (x) on public.a"]);
        let statements = mended("r", &wanted, &column).expect("a grant");
        assert_eq!(statements[0].undo, None);
    }
}
