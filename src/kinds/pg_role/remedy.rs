//! The statements that make a role what is wanted: it is made, and its attributes are set. No password is ever set, and no
//! role is ever dropped but one that a plan made, when that plan is taken back.

use super::{FOREVER, PgRole, Seen};
use crate::action::{Remedy, Risk, Statement, Surroundings};
use crate::kinds::Kind as _;
use crate::kinds::in_database::object_name;
use crate::kinds::listed::Chosen;
use crate::model::sql::literal;
use crate::model::{ResourceName, quoted};

/// An attribute that is wanted: how it is set, how what is there is set again, and what is opened by it.
struct Attribute {
    set: String,
    back: Option<String>,
    differs: bool,
    risk: Risk,
}

/// The statements, or why there are none.
pub(super) fn remedy(
    table: &PgRole,
    name: &str,
    seen: &Chosen<Seen>,
    around: &Surroundings,
) -> Remedy {
    match statements(table, name, seen, around) {
        Ok(statements) => Remedy::Statements(statements),
        Err(why) => Remedy::Nothing(why),
    }
}

fn statements(
    table: &PgRole,
    name: &str,
    seen: &Chosen<Seen>,
    around: &Surroundings,
) -> Result<Vec<Statement>, String> {
    let role = object_name(name, &table.database);
    if table.only.is_some() {
        return Err("roles of a list are made by tables of their own, and none is dropped".into());
    }
    if !table.present {
        return Err("no step drops a role: what it owns and may do would have to go first".into());
    }
    if let Some(why) = around.own_role(role) {
        return Err(why);
    }
    let seen = seen.get(role);
    if seen.is_some_and(|seen| seen.role.predefined) || role.starts_with("pg_") {
        return Err("PostgreSQL brings it along, and keeps it as it is".into());
    }
    if table.owns_nothing == Some(false) || table.owns_nothing.is_some() && owns(seen) {
        return Err("what a role owns is given to it, or taken, thing by thing".into());
    }
    let resource = ResourceName::new(PgRole::NAME, name).to_string();
    let one = |text: String, undo: Option<String>, risk: Risk| Statement {
        resource: resource.clone(),
        text,
        undo,
        rehearse: true,
        risk,
    };
    let own = quoted(role);
    let mut statements = Vec::new();
    let attributes: Vec<Attribute> =
        attributes(table, seen).into_iter().filter(|a| a.differs).collect();
    let set: Vec<&str> = attributes.iter().map(|attribute| attribute.set.as_str()).collect();
    let risk = attributes.iter().map(|attribute| attribute.risk).max();
    if seen.is_none() {
        let text = [&format!("CREATE ROLE {own}")[..], &set.join(" ")].join(" ");
        let risk = risk.unwrap_or(Risk::Low).max(Risk::Low);
        statements.push(one(text.trim_end().to_owned(), Some(format!("DROP ROLE {own}")), risk));
    } else if !set.is_empty() {
        let back: Option<Vec<&str>> = attributes.iter().map(|a| a.back.as_deref()).collect();
        let back = back.map(|back| format!("ALTER ROLE {own} {}", back.join(" ")));
        let text = format!("ALTER ROLE {own} {}", set.join(" "));
        statements.push(one(text, back, risk.unwrap_or(Risk::Medium)));
    }
    let comment = seen.and_then(|seen| seen.role.comment.clone()).unwrap_or_default();
    if let Some(wanted) = table.comment.as_ref().filter(|wanted| **wanted != comment) {
        let say = |text: &str| {
            let text = if text.is_empty() { "NULL".to_owned() } else { literal(text) };
            format!("COMMENT ON ROLE {own} IS {text}")
        };
        statements.push(one(say(wanted), Some(say(&comment)), Risk::Low));
    }
    Ok(statements)
}

fn owns(seen: Option<&Seen>) -> bool {
    seen.and_then(|seen| seen.owned.as_ref()?.as_ref().ok()).is_some_and(|owned| owned.count > 0)
}

/// What is wanted of a role, beside what it has. Of a role that is not there, all of it differs.
fn attributes(table: &PgRole, seen: Option<&Seen>) -> Vec<Attribute> {
    let role = seen.map(|seen| &seen.role);
    let word = |name: &str, on: bool| if on { name.to_owned() } else { format!("NO{name}") };
    // What lets a role past checks, or lets it make others that are, opens more than it says.
    let flags = [
        ("SUPERUSER", table.superuser, role.map(|role| role.superuser), true),
        ("CREATEDB", table.createdb, role.map(|role| role.createdb), false),
        ("CREATEROLE", table.createrole, role.map(|role| role.createrole), true),
        ("REPLICATION", table.replication, role.map(|role| role.replication), true),
        ("BYPASSRLS", table.bypassrls, role.map(|role| role.bypassrls), true),
        ("LOGIN", table.login, role.map(|role| role.login), false),
        ("INHERIT", table.inherit, role.map(|role| role.inherit), false),
    ];
    let flags = flags.into_iter().filter_map(|(name, wanted, is, powerful)| {
        let wanted = wanted?;
        let risk = match (wanted && powerful, is) {
            (true, _) => Risk::High,
            (false, None) => Risk::Low,
            (false, Some(_)) => Risk::Medium,
        };
        let back = is.map(|is| word(name, is));
        Some(Attribute { set: word(name, wanted), back, differs: is != Some(wanted), risk })
    });
    let risk = if role.is_some() { Risk::Medium } else { Risk::Low };
    let limit = table.connection_limit.map(|wanted| {
        let is = role.map(|role| role.connection_limit);
        let say = |limit: i32| format!("CONNECTION LIMIT {limit}");
        Attribute { set: say(wanted), back: is.map(say), differs: is != Some(wanted), risk }
    });
    let until = table.valid_until.as_ref().map(|wanted| {
        let is = role.and_then(|role| role.valid_until.clone());
        let say = |until: &str| format!("VALID UNTIL {}", literal(until));
        let differs = *wanted != is.clone().unwrap_or_else(|| FOREVER.to_owned());
        // A role that never had an end cannot be made into one that never had an end.
        Attribute { set: say(wanted), back: is.as_deref().map(say), differs, risk }
    });
    flags.chain(limit).chain(until).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::{Value, json};

    use super::super::tests;
    use super::*;
    use crate::kinds::{Kind, NoFiles};
    use crate::probe::catalog::Role;

    fn mended(keys: Value, there: bool) -> Result<Vec<(String, Option<String>, Risk)>, String> {
        let mut keys = keys;
        keys["database"] = json!("d");
        let mut spec: PgRole = serde_json::from_value(keys).expect("keys that fit");
        let mut problems = Vec::new();
        spec.prepare("r", &NoFiles, &mut problems);
        assert!(problems.is_empty(), "{problems:?}");
        let role = Role { createdb: true, comment: Some("it's old".into()), ..tests::role() };
        let seen =
            there.then(|| ("r".to_owned(), Seen { role, owned: None })).into_iter().collect();
        match Kind::remedy(&spec, "r", &seen, &Surroundings::default()) {
            Ok(Remedy::Statements(all)) => {
                Ok(all.into_iter().map(|s| (s.text, s.undo, s.risk)).collect())
            }
            Ok(Remedy::Nothing(why)) => Err(why),
            other => panic!("{other:?}"),
        }
    }

    fn said(text: &str, undo: &str, risk: Risk) -> (String, Option<String>, Risk) {
        (text.to_owned(), Some(undo.to_owned()), risk)
    }

    #[test]
    fn a_role_is_made_or_its_attributes_are_set() {
        let wanted = json!({"login": false, "connection_limit": 2, "createdb": true});
        assert_eq!(
            mended(wanted.clone(), true),
            Ok(vec![said(r#"ALTER ROLE "r" NOLOGIN"#, r#"ALTER ROLE "r" LOGIN"#, Risk::Medium,)])
        );
        assert_eq!(
            mended(wanted, false),
            Ok(vec![said(
                r#"CREATE ROLE "r" CREATEDB NOLOGIN CONNECTION LIMIT 2"#,
                r#"DROP ROLE "r""#,
                Risk::Low,
            )])
        );
        assert_eq!(
            mended(json!({"comment": "x\\y"}), true),
            Ok(vec![said(
                r#"COMMENT ON ROLE "r" IS E'x\\y'"#,
                r#"COMMENT ON ROLE "r" IS 'it''s old'"#,
                Risk::Low,
            )])
        );
        let until = mended(json!({"valid_until": "2027-01-01T00:00:00Z"}), true).expect("one");
        assert!(
            until[0].0.starts_with(r#"ALTER ROLE "r" VALID UNTIL '2027-01-01T00:00:00"#),
            "{until:?}"
        );
        assert_eq!(until[0].1, None, "it never had an end");
    }

    #[test]
    fn power_is_a_high_risk() {
        for flag in ["superuser", "createrole", "replication", "bypassrls"] {
            for there in [true, false] {
                let statements = mended(json!({ flag: true }), there).expect(flag);
                assert_eq!(statements[0].2, Risk::High, "{flag}");
            }
        }
    }

    #[test]
    fn nothing_is_dropped_and_no_role_of_the_program_is_touched() {
        assert!(mended(json!({"present": false}), true).expect_err("a drop").contains("drops"));
        assert!(mended(json!({"owns_nothing": false}), true).expect_err("a gift").contains("owns"));
        let own = BTreeMap::from([("r".to_owned(), "the executor of `d`".to_owned())]);
        let around = Surroundings { own_roles: own, ..Surroundings::default() };
        let spec: PgRole =
            serde_json::from_value(json!({"database": "d", "login": true})).expect("a table");
        let remedy = Kind::remedy(&spec, "r", &Chosen::new(), &around);
        assert!(matches!(remedy, Ok(Remedy::Nothing(why)) if why.contains("the executor of `d`")));
    }
}
