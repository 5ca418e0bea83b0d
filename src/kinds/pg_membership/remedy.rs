//! The statements that make a membership what is wanted: a role is granted, revoked, or granted otherwise.

use super::{Grants, PgMembership};
use crate::action::{Remedy, Risk, Statement, Surroundings};
use crate::kinds::Kind as _;
use crate::kinds::in_database::object_name;
use crate::kinds::listed::Chosen;
use crate::model::display::escape;
use crate::model::{MembershipName, ResourceName, quoted};
use crate::probe::catalog::Membership;

/// The most statements for one list.
const STATEMENTS_MAX: usize = 1000;

/// The statements, or why there are none.
pub(super) fn remedy(
    table: &PgMembership,
    name: &str,
    seen: &Chosen<Grants>,
    around: &Surroundings,
) -> Remedy {
    match statements(table, name, seen, around) {
        Ok(statements) => Remedy::Statements(statements),
        Err(why) => Remedy::Nothing(why),
    }
}

/// A statement without the resource that it is for.
type Said = (String, Option<String>, Risk);

fn statements(
    table: &PgMembership,
    name: &str,
    seen: &Chosen<Grants>,
    around: &Surroundings,
) -> Result<Vec<Statement>, String> {
    let object = object_name(name, &table.database);
    let mut said: Vec<Said> = Vec::new();
    if let Some(only) = &table.only {
        for (name, grants) in seen.iter().filter(|(name, _)| !only.contains(name)) {
            said.extend(revoke(&membership(name, around)?, grants));
        }
        for name in only.iter().filter(|name| !seen.contains_key(*name)) {
            said.push(grant(table, &membership(name, around)?)?);
        }
    } else {
        let membership = membership(object, around)?;
        match seen.get(object) {
            None if table.present => said.push(grant(table, &membership)?),
            None => {}
            Some(grants) if table.present => said.extend(otherwise(table, &membership, grants)?),
            Some(grants) => said.extend(revoke(&membership, grants)),
        }
    }
    if said.len() > STATEMENTS_MAX {
        return Err(format!("{} statements, at most {STATEMENTS_MAX} are planned", said.len()));
    }
    let resource = ResourceName::new(PgMembership::NAME, name).to_string();
    let one = |(text, undo, risk)| Statement {
        resource: resource.clone(),
        text,
        undo,
        rehearse: true,
        risk,
    };
    Ok(said.into_iter().map(one).collect())
}

/// Both roles of a membership, neither of which is one of the program's own.
fn membership(name: &str, around: &Surroundings) -> Result<MembershipName, String> {
    let parsed = MembershipName::parse(name)
        .map_err(|why| format!("`{}` is no membership: {why}", escape(name)))?;
    let own = [&parsed.role, &parsed.member].into_iter().find_map(|role| around.own_role(role));
    own.map_or(Ok(parsed), Err)
}

/// To pass a role on, and the roles with which PostgreSQL hands out what only a superuser can do.
fn risk(name: &MembershipName, admin: bool) -> Risk {
    if admin || name.role.starts_with("pg_") { Risk::High } else { Risk::Medium }
}

fn grant(table: &PgMembership, name: &MembershipName) -> Result<Said, String> {
    let by = match table.grantors.as_ref().map(|by| by.iter().collect::<Vec<_>>()) {
        None => None,
        Some(by) if by.len() == 1 => by.first().map(|by| by.as_str()),
        Some(_) => return Err("it is granted by exactly one role, or by whoever grants it".into()),
    };
    let mut options = Vec::new();
    if table.admin == Some(true) {
        // So that a server before version 16 takes it as well.
        options.push("ADMIN OPTION".to_owned());
    }
    options.extend(table.inherit.map(|on| option("INHERIT", on)));
    options.extend(table.set.map(|on| option("SET", on)));
    let text = granted(name, &options, by);
    let undo = revoked(name, "", by);
    Ok((text, Some(undo), risk(name, table.admin == Some(true))))
}

fn option(name: &str, on: bool) -> String {
    format!("{name} {}", if on { "TRUE" } else { "FALSE" })
}

fn granted(name: &MembershipName, options: &[String], by: Option<&str>) -> String {
    let with =
        if options.is_empty() { String::new() } else { format!(" WITH {}", options.join(", ")) };
    format!("GRANT {} TO {}{with}{}", quoted(&name.role), quoted(&name.member), granted_by(by))
}

fn revoked(name: &MembershipName, what: &str, by: Option<&str>) -> String {
    let (role, member) = (quoted(&name.role), quoted(&name.member));
    format!("REVOKE {what}{role} FROM {member}{}", granted_by(by))
}

fn granted_by(by: Option<&str>) -> String {
    by.map(|by| format!(" GRANTED BY {}", quoted(by))).unwrap_or_default()
}

/// All grants of the role to the member; each is taken back by its own grantor, where that is known.
fn revoke(name: &MembershipName, grants: &Grants) -> Vec<Said> {
    let one = |grant: &Membership| {
        let (by, options) = match &grant.options {
            Some(options) => {
                let all =
                    [("ADMIN", grant.admin), ("INHERIT", options.inherit), ("SET", options.set)];
                let all = all.into_iter().map(|(name, on)| option(name, on)).collect();
                (Some(options.grantor.as_str()), all)
            }
            None if grant.admin => (None, vec!["ADMIN OPTION".to_owned()]),
            None => (None, Vec::new()),
        };
        (revoked(name, "", by), Some(granted(name, &options, by)), Risk::Medium)
    };
    grants.iter().map(one).collect()
}

/// Another option of the one grant that there is.
fn otherwise(
    table: &PgMembership,
    name: &MembershipName,
    grants: &Grants,
) -> Result<Vec<Said>, String> {
    let [grant] = grants.as_slice() else {
        return Err(
            "it was granted by several roles, and which grant would change is not said".into()
        );
    };
    let by = grant.options.as_ref().map(|options| options.grantor.as_str());
    if let (Some(wanted), Some(by)) = (&table.grantors, by)
        && (wanted.len() != 1 || !wanted.contains(by))
    {
        return Err(
            "who granted it is changed by granting it anew, which those roles have to do".into()
        );
    }
    let mut said = Vec::new();
    if let Some(admin) = table.admin.filter(|admin| *admin != grant.admin) {
        let give = granted(name, &["ADMIN OPTION".to_owned()], by);
        let take = revoked(name, "ADMIN OPTION FOR ", by);
        let (text, undo) = if admin { (give, take) } else { (take, give) };
        said.push((text, Some(undo), risk(name, admin)));
    }
    if let Some(options) = &grant.options {
        for (word, wanted, is) in
            [("INHERIT", table.inherit, options.inherit), ("SET", table.set, options.set)]
        {
            let Some(wanted) = wanted.filter(|wanted| *wanted != is) else { continue };
            let say = |on| granted(name, &[option(word, on)], by);
            said.push((say(wanted), Some(say(is)), risk(name, false)));
        }
    }
    Ok(said)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::{Value, json};

    use super::*;
    use crate::kinds::{Kind, NoFiles};
    use crate::probe::catalog::Options;

    fn held(admin: bool, options: Option<(bool, bool, &str)>) -> Membership {
        let options =
            options.map(|(inherit, set, by)| Options { inherit, set, grantor: by.to_owned() });
        Membership { role: "a".into(), member: "b".into(), admin, options }
    }

    fn mended(name: &str, keys: Value, grants: &[Membership]) -> Result<Vec<Said>, String> {
        let mut keys = keys;
        keys["database"] = json!("d");
        let mut spec: PgMembership = serde_json::from_value(keys).expect("keys that fit");
        let mut problems = Vec::new();
        spec.prepare(name, &NoFiles, &mut problems);
        assert!(problems.is_empty(), "{problems:?}");
        let seen: Chosen<Grants> = if grants.is_empty() {
            Chosen::new()
        } else {
            [("a to b".to_owned(), grants.to_vec())].into()
        };
        let own = BTreeMap::from([("me".to_owned(), "the executor of `d`".to_owned())]);
        let around = Surroundings { own_roles: own, ..Surroundings::default() };
        match Kind::remedy(&spec, name, &seen, &around) {
            Ok(Remedy::Statements(all)) => {
                Ok(all.into_iter().map(|one| (one.text, one.undo, one.risk)).collect())
            }
            Ok(Remedy::Nothing(why)) => Err(why),
            other => panic!("{other:?}"),
        }
    }

    fn said(text: &str, undo: &str, risk: Risk) -> Said {
        (text.to_owned(), Some(undo.to_owned()), risk)
    }

    #[test]
    fn a_role_is_granted_and_revoked() {
        let make = said(r#"GRANT "a" TO "b""#, r#"REVOKE "a" FROM "b""#, Risk::Medium);
        assert_eq!(mended("a to b", json!({}), &[]), Ok(vec![make.clone()]));
        assert_eq!(mended("* to b", json!({"only": ["a to b"]}), &[]), Ok(vec![make]));
        let options = json!({"admin": true, "set": false});
        assert_eq!(
            mended("a to b", options, &[]),
            Ok(vec![said(
                r#"GRANT "a" TO "b" WITH ADMIN OPTION, SET FALSE"#,
                r#"REVOKE "a" FROM "b""#,
                Risk::High,
            )])
        );
        let both = [held(false, Some((true, false, "x"))), held(true, Some((false, true, "y")))];
        let by = |grantor: &str, options: &str| {
            let text = format!(r#"REVOKE "a" FROM "b" GRANTED BY "{grantor}""#);
            let undo = format!(r#"GRANT "a" TO "b" WITH {options} GRANTED BY "{grantor}""#);
            said(&text, &undo, Risk::Medium)
        };
        let end = Ok(vec![
            by("x", "ADMIN FALSE, INHERIT TRUE, SET FALSE"),
            by("y", "ADMIN TRUE, INHERIT FALSE, SET TRUE"),
        ]);
        assert_eq!(mended("a to b", json!({"present": false}), &both), end);
        assert_eq!(mended("* to b", json!({"only": []}), &both), end);
    }

    #[test]
    fn options_change_alone() {
        let one = [held(false, Some((true, true, "x")))];
        assert_eq!(
            mended("a to b", json!({"inherit": false, "admin": true}), &one),
            Ok(vec![
                said(
                    r#"GRANT "a" TO "b" WITH ADMIN OPTION GRANTED BY "x""#,
                    r#"REVOKE ADMIN OPTION FOR "a" FROM "b" GRANTED BY "x""#,
                    Risk::High,
                ),
                said(
                    r#"GRANT "a" TO "b" WITH INHERIT FALSE GRANTED BY "x""#,
                    r#"GRANT "a" TO "b" WITH INHERIT TRUE GRANTED BY "x""#,
                    Risk::Medium,
                ),
            ])
        );
        let old = [held(true, None)];
        assert_eq!(
            mended("a to b", json!({"admin": false}), &old),
            Ok(vec![said(
                r#"REVOKE ADMIN OPTION FOR "a" FROM "b""#,
                r#"GRANT "a" TO "b" WITH ADMIN OPTION"#,
                Risk::Medium,
            )])
        );
    }

    #[test]
    fn what_is_not_certain_is_left_alone() {
        let both = [held(false, Some((true, false, "x"))), held(true, Some((false, true, "y")))];
        assert!(
            mended("a to b", json!({"set": false}), &both).expect_err("two").contains("several")
        );
        let one = [held(false, Some((true, true, "x")))];
        assert!(
            mended("a to b", json!({"grantors": ["z"]}), &one).expect_err("who").contains("anew")
        );
        for name in ["me to b", "a to me"] {
            assert!(mended(name, json!({}), &[]).expect_err(name).contains("the executor of `d`"));
        }
    }
}
