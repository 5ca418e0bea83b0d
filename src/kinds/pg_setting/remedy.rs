//! The statements that write a setting down for a role or a database, or take it away, and each can be taken back.
//!
//! `ALTER SYSTEM` runs in no transaction, and a plan runs everything in one: what is written for the server is left alone.

use super::{PgSetting, Seen};
use crate::action::{Remedy, Risk, Statement, Surroundings};
use crate::kinds::Kind as _;
use crate::kinds::in_database::object_name;
use crate::kinds::listed::Chosen;
use crate::kinds::secretive::is_secretive;
use crate::model::display::escape;
use crate::model::sql::literal;
use crate::model::{Content, ResourceName, SettingName, SettingPlace, quoted};

/// The most statements for one list.
const STATEMENTS_MAX: usize = 1000;

/// The settings whose value is a list of names, each quoted for itself: the server knows them by a mark, and tells nobody.
/// One text in the place of several would be one name.
const LISTS: &[&str] = &[
    "local_preload_libraries",
    "search_path",
    "session_preload_libraries",
    "shared_preload_libraries",
    "temp_tablespaces",
    "unix_socket_directories",
];

/// Settings that have a session run other code, or under fewer checks.
const POWERFUL: &[&str] = &[
    "local_preload_libraries",
    "role",
    "row_security",
    "search_path",
    "session_preload_libraries",
    "session_replication_role",
];

/// The statements, or why there are none.
pub(super) fn remedy(
    table: &PgSetting,
    name: &str,
    seen: &Chosen<Seen>,
    around: &Surroundings,
) -> Remedy {
    match said(table, name, seen, around) {
        Ok(said) => {
            let resource = ResourceName::new(PgSetting::NAME, name).to_string();
            Remedy::Statements(Said::all(said, &resource))
        }
        Err(why) => Remedy::Nothing(why),
    }
}

/// A statement without the resource that it is for.
struct Said {
    text: String,
    undo: Option<String>,
    risk: Risk,
}

impl Said {
    fn all(said: Vec<Self>, resource: &str) -> Vec<Statement> {
        let one = |Self { text, undo, risk }| {
            let resource = resource.to_owned();
            Statement { resource, text, undo, rehearse: true, risk }
        };
        said.into_iter().map(one).collect()
    }
}

fn said(
    table: &PgSetting,
    name: &str,
    seen: &Chosen<Seen>,
    around: &Surroundings,
) -> Result<Vec<Said>, String> {
    let object = object_name(name, &table.database);
    let to = |name: &str| To::of(name, &table.database, around);
    let Some(only) = &table.only else {
        let (to, seen) = (to(object)?, seen.get(object));
        return Ok(match (table.present, &table.value, seen) {
            (false, _, Some(seen)) => vec![to.reset(seen)],
            (false, _, None) => Vec::new(),
            (true, Some(value), seen) => vec![to.set(value, seen)?],
            (true, None, _) => return Err("its table does not say which value: `value`".into()),
        });
    };
    if let Some(missing) = only.iter().find(|name| !seen.contains_key(*name)) {
        let missing = escape(missing);
        return Err(format!(
            "{missing} is written down by a table of its own, which says its value"
        ));
    }
    let others: Vec<_> = seen.iter().filter(|(name, _)| !only.contains(name)).collect();
    if others.len() > STATEMENTS_MAX {
        return Err(format!("{} statements, at most {STATEMENTS_MAX} are planned", others.len()));
    }
    others.into_iter().map(|(name, seen)| Ok(to(name)?.reset(seen))).collect()
}

/// A setting in a place that statements can reach.
struct To {
    setting: String,
    /// The beginning of each statement.
    place: String,
    risk: Risk,
}

impl To {
    fn of(name: &str, database: &str, around: &Surroundings) -> Result<Self, String> {
        let SettingName { setting, place } = SettingName::parse(name)?;
        if is_secretive(&setting) {
            return Err("its name speaks of a secret, and a plan shows what it does".into());
        }
        let named = || {
            let own = around.databases.get(database);
            own.map(|own| quoted(own)).ok_or("the server does not say what its database is called")
        };
        let of_role = |role: &String| match around.own_role(role) {
            Some(why) => Err(why),
            None => Ok(format!("ALTER ROLE {}", quoted(role))),
        };
        // Whoever connects has it from then on, this program included.
        let (place, wide) = match &place {
            SettingPlace::Server => {
                return Err("ALTER SYSTEM runs in no transaction, and a plan runs everything in one: it is for a person".into());
            }
            SettingPlace::AllRoles => ("ALTER ROLE ALL".to_owned(), true),
            SettingPlace::Database => (format!("ALTER DATABASE {}", named()?), true),
            SettingPlace::Role(role) => (of_role(role)?, false),
            SettingPlace::RoleInDatabase(role) => {
                (format!("{} IN DATABASE {}", of_role(role)?, named()?), false)
            }
        };
        let high = wide || POWERFUL.contains(&setting.as_str());
        Ok(Self { setting, place, risk: if high { Risk::High } else { Risk::Medium } })
    }

    fn own(&self) -> String {
        // A point divides a module from its setting; there is none within a part.
        self.setting.split('.').map(quoted).collect::<Vec<_>>().join(".")
    }

    fn set(&self, value: &str, seen: Option<&Seen>) -> Result<Said, String> {
        let text = self.text_of_set(value)?;
        let undo = match seen {
            Some(seen) => self.earlier(seen),
            None => Some(self.text_of_reset()),
        };
        Ok(Said { text, undo, risk: self.risk })
    }

    fn reset(&self, seen: &Seen) -> Said {
        Said { text: self.text_of_reset(), undo: self.earlier(seen), risk: self.risk }
    }

    /// What writes the earlier value down again, where that is known to the letter.
    fn earlier(&self, seen: &Seen) -> Option<String> {
        let shown = seen.value.shown.as_ref()?;
        // What is shown is escaped; only a value that this has left alone is the value itself.
        let exact = Content::digest(shown) == seen.value.sha256;
        exact.then(|| self.text_of_set(shown.as_str()?).ok())?
    }

    fn text_of_set(&self, value: &str) -> Result<String, String> {
        if value.contains('\0') {
            return Err("a value has no zero byte".to_owned());
        }
        let value = if LISTS.contains(&self.setting.as_str()) {
            let names: Vec<String> = names(value)?.iter().map(|name| literal(name)).collect();
            names.join(", ")
        } else {
            literal(value)
        };
        Ok(format!("{} SET {} TO {value}", self.place, self.own()))
    }

    fn text_of_reset(&self) -> String {
        format!("{} RESET {}", self.place, self.own())
    }
}

/// The names of a list, which has to be written as the server writes it: `"$user", public`. Any other text would come out as
/// another one.
fn names(value: &str) -> Result<Vec<String>, String> {
    let wrong = || {
        let shown = escape(value);
        format!(
            "`{shown}` is a list that the server writes otherwise: names in lower case with `, ` between them, others in \
             double quotes"
        )
    };
    let (mut names, mut rest) = (Vec::new(), value);
    loop {
        let (name, after) = match rest.strip_prefix('"') {
            Some(inside) => quoted_name(inside),
            None => plain_name(rest),
        }
        .ok_or_else(wrong)?;
        names.push(name);
        if after.is_empty() {
            return Ok(names);
        }
        rest = after.strip_prefix(", ").ok_or_else(wrong)?;
    }
}

/// A name that needs no quotes, and what follows.
fn plain_name(text: &str) -> Option<(String, &str)> {
    let (name, rest) = text.split_at(text.find(',').unwrap_or(text.len()));
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let begins = name.starts_with(|c: char| plain(c) && !c.is_ascii_digit());
    (begins && name.chars().all(plain)).then(|| (name.to_owned(), rest))
}

/// A name up to its closing quote, and what follows.
fn quoted_name(text: &str) -> Option<(String, &str)> {
    let (mut name, mut rest) = (String::new(), text);
    loop {
        let (before, after) = rest.split_once('"')?;
        name.push_str(before);
        match after.strip_prefix('"') {
            Some(more) => {
                name.push('"');
                rest = more;
            }
            None => return Some((name, after)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::{Value, json};

    use super::*;
    use crate::kinds::{Kind, NoFiles};

    type Told = Vec<(String, Option<String>, Risk)>;

    fn mended(name: &str, keys: Value, there: &[(&str, &str)]) -> Result<Told, String> {
        let mut keys = keys;
        keys["database"] = json!("d");
        let mut spec: PgSetting = serde_json::from_value(keys).expect("keys that fit");
        let mut problems = Vec::new();
        spec.prepare(name, &NoFiles, &mut problems);
        assert!(problems.is_empty(), "{problems:?}");
        let seen = |(name, value): &(&str, &str)| {
            ((*name).to_owned(), Seen { value: Content::of_text(value, true), of_type: None })
        };
        let around = Surroundings {
            own_roles: BTreeMap::from([("me".to_owned(), "the executor of `d`".to_owned())]),
            databases: BTreeMap::from([("d".to_owned(), "Shop".to_owned())]),
            ..Surroundings::default()
        };
        match Kind::remedy(&spec, name, &there.iter().map(seen).collect(), &around) {
            Ok(Remedy::Statements(all)) => {
                Ok(all.into_iter().map(|one| (one.text, one.undo, one.risk)).collect())
            }
            Ok(Remedy::Nothing(why)) => Err(why),
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn one(name: &str, keys: Value, there: &[(&str, &str)], text: &str, undo: &str, risk: Risk) {
        let told = mended(name, keys, there).expect(name);
        assert_eq!(told, [(text.to_owned(), Some(undo.to_owned()), risk)]);
    }

    #[test]
    fn a_setting_is_written_for_its_place_and_taken_back() {
        let value = json!({"value": "5s"});
        one(
            "statement_timeout for role r",
            value.clone(),
            &[],
            r#"ALTER ROLE "r" SET "statement_timeout" TO '5s'"#,
            r#"ALTER ROLE "r" RESET "statement_timeout""#,
            Risk::Medium,
        );
        one(
            "statement_timeout for role r in database",
            value.clone(),
            &[("statement_timeout for role r in database", "1min")],
            r#"ALTER ROLE "r" IN DATABASE "Shop" SET "statement_timeout" TO '5s'"#,
            r#"ALTER ROLE "r" IN DATABASE "Shop" SET "statement_timeout" TO '1min'"#,
            Risk::Medium,
        );
        one(
            "app.mode for database",
            json!({"present": false}),
            &[("app.mode for database", "it's off")],
            r#"ALTER DATABASE "Shop" RESET "app"."mode""#,
            r#"ALTER DATABASE "Shop" SET "app"."mode" TO 'it''s off'"#,
            Risk::High,
        );
        one(
            "statement_timeout for all roles",
            value,
            &[],
            r#"ALTER ROLE ALL SET "statement_timeout" TO '5s'"#,
            r#"ALTER ROLE ALL RESET "statement_timeout""#,
            Risk::High,
        );
    }

    #[test]
    fn a_list_of_names_is_written_name_by_name() {
        one(
            "search_path for role r",
            json!({"value": "\"$user\", public, \"a \"\"b\"\", c\""}),
            &[("search_path for role r", "\"\"")],
            r#"ALTER ROLE "r" SET "search_path" TO '$user', 'public', 'a "b", c'"#,
            r#"ALTER ROLE "r" SET "search_path" TO ''"#,
            Risk::High,
        );
        for value in ["", "public,", "public,shop", "Public", "1st", "\"open", "\"a\"b", "a b"] {
            let wrong = mended("search_path for role r", json!({"value": value}), &[]);
            assert!(wrong.expect_err(value).contains("a list"), "{value}");
        }
        one(
            "datestyle for role r",
            json!({"value": "ISO, DMY"}),
            &[],
            r#"ALTER ROLE "r" SET "datestyle" TO 'ISO, DMY'"#,
            r#"ALTER ROLE "r" RESET "datestyle""#,
            Risk::Medium,
        );
    }

    #[test]
    fn what_a_list_does_not_have_is_taken_away() {
        let there = [("work_mem for role r", "4MB"), ("jit for role r", "off")];
        let only = json!({"only": ["jit for role r"]});
        one(
            "* for role r",
            only,
            &there,
            r#"ALTER ROLE "r" RESET "work_mem""#,
            r#"ALTER ROLE "r" SET "work_mem" TO '4MB'"#,
            Risk::Medium,
        );
        let only = json!({"only": ["jit for role r"]});
        assert!(mended("* for role r", only, &[]).expect_err("a value").contains("its own"));
    }

    #[test]
    fn what_is_not_certain_is_left_alone() {
        let why = |name: &str, keys: Value| mended(name, keys, &[]).expect_err(name);
        assert!(why("work_mem for server", json!({"value": "4MB"})).contains("no transaction"));
        assert!(why("work_mem for role me", json!({"value": "4MB"})).contains("the executor"));
        assert!(why("app.password for role r", json!({"value": "x"})).contains("secret"));
        assert!(why("work_mem for role r", json!({})).contains("`value`"));
        let hidden = [("app.x for role r", "a\u{1b}b")];
        let told = mended("app.x for role r", json!({"present": false}), &hidden).expect("a reset");
        assert_eq!(told[0].1, None, "what is shown of it is not it");
    }
}
