//! `[pg_setting."SETTING for PLACE"]`: a setting that is written down for a role, a database or the server; and all of them.

mod remedy;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::listed::{self, Chosen, Listed, Listing};
use super::secretive::is_secretive;
use super::{Adopted, Adoption, Answers, Draft, Files, Kind, Named, Problem, closed};
use crate::action::{Mended, Surroundings};
use crate::model::display::one_line;
use crate::model::setting::{SettingType, may_be_same};
use crate::model::{Code, Comparison, Content, Reason, SettingName, Unknown};
use crate::probe::World;
use crate::probe::catalog::{self, Setting};
use crate::probe::postgres::Session;

/// The table of a setting in a place, or of a pattern over their names.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PgSetting {
    /// The database, as in `[database.NAME]`, that is asked; also the one that `for database` and `in database` mean.
    database: String,
    /// `false`: nothing is set there. Default: true.
    #[serde(default = "super::presence::yes")]
    present: bool,
    /// The value, in any spelling that PostgreSQL takes for the same.
    value: Option<String>,
    /// For a name with a `*`: all settings that it matches, and no others. `[]`: none.
    only: Option<Vec<String>>,
}

/// What was seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Seen {
    value: Content,
    /// Of what type it is, where the server says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    of_type: Option<SettingType>,
}

/// How the names of what `ALTER SYSTEM` wrote end.
const FOR_SERVER: &str = " for server";

/// How the places begin that a pattern can be about.
const PLACES: [&str; 4] = ["role ", "database", "all roles", "server"];

fn check_name(name: &str, problems: &mut Vec<Problem>) {
    if !closed::is_pattern(name) {
        if let Err(why) = SettingName::parse(name) {
            problems.push(Problem::resource(Code::BadName, why));
        }
        return;
    }
    let place = name.rsplit_once(" for ").map(|(_, place)| place);
    let known = |place: &str| match PLACES.iter().find(|known| place.starts_with(**known)) {
        Some(&"role ") => true,
        Some(known) => place == *known,
        None => false,
    };
    if !place.is_some_and(known) {
        let message = "a pattern over settings says for which kind of place it is";
        let hint = "`* for role NAME`, `* for role *`, `* for database`, `* for all roles` or `* for server`";
        problems.push(Problem::resource(Code::BadName, message).hint(hint));
    }
}

impl Kind for PgSetting {
    const NAME: &'static str = "pg_setting";
    const ABOUT: &'static str =
        "a setting written down for a role, a database or the server; all of them";
    const DOC: &'static str = include_str!("pg_setting.md");
    const EXAMPLE: &'static str = r#"
[pg_setting."statement_timeout for role context_pack_readonly"]
database = "directus"
value = "5s"

[pg_setting."* for role context_pack_readonly"]
database = "directus"
only = ["statement_timeout for role context_pack_readonly"]

[pg_setting."* for database"]
database = "directus"
only = []
"#;
    const IN_DATABASE: bool = true;
    const ADOPT: Option<Adoption> = Some(Adoption {
        flag: "setting",
        value: "PATTERN",
        help: "Settings of PostgreSQL that are written down, such as '* for role cutter_*', '* for database' or \
               '* for server', and that there are no others",
        all: None,
    });
    type Observed = Chosen<Seen>;

    fn prepare(&mut self, name: &str, _files: &dyn Files, problems: &mut Vec<Problem>) {
        let name = listed::check(self, name, problems);
        for name in std::iter::once(name).chain(self.only.iter().flatten().map(String::as_str)) {
            check_name(name, problems);
        }
    }

    fn database(&self) -> Option<&str> {
        Some(&self.database)
    }

    fn pinned(&self) -> Option<Value> {
        self.value.clone().map(Value::from)
    }

    async fn observe_all(world: &World, wanted: &[Named<Self>]) -> Answers<Chosen<Seen>> {
        listed::observe(world, wanted).await
    }

    async fn adopt(world: &World, asked: &str) -> Result<Adopted, Unknown> {
        let mut problems = Vec::new();
        check_name(asked, &mut problems);
        if let Some(Problem { message, hint, .. }) = problems.pop() {
            let detail = hint.map_or(message.clone(), |hint| format!("{message}: {hint}"));
            return Err(Unknown::new(Reason::NotSupported, detail));
        }
        listed::adopt::<Self>(world, asked).await
    }

    fn diff(&self, name: &str, chosen: &Chosen<Seen>) -> Comparison {
        listed::diff(self, name, chosen)
    }

    fn remedy(&self, name: &str, seen: &Chosen<Seen>, around: &Surroundings) -> Mended {
        Ok(remedy::remedy(self, name, seen, around))
    }
}

impl Listed for PgSetting {
    type Thing = Seen;

    fn wanted(&self) -> (bool, Option<&Vec<String>>) {
        (self.present, self.only.as_ref())
    }

    fn attributes(&self) -> Vec<(&'static str, bool)> {
        vec![("value", self.value.is_some())]
    }

    fn compare(&self, seen: &Seen, found: &mut Comparison) {
        let Some(wanted) = &self.value else { return };
        let Some(difference) = seen.value.differs("value", &Value::from(wanted.clone())) else {
            return;
        };
        let shown = seen.value.shown.as_ref().and_then(Value::as_str);
        let same = match (shown, &seen.of_type) {
            (Some(is), Some(of_type)) => of_type.same(wanted, is),
            (Some(is), None) if may_be_same(wanted, is) => Err(format!(
                "whether `{}` means the same depends on its type, which is hidden",
                one_line(is, 80)
            )),
            // Different under every type; or a secret, of which there is the digest of its text and nothing else.
            _ => Ok(false),
        };
        match same {
            Ok(true) => {}
            Ok(false) => found.differences.push(difference),
            Err(why) => found.blind("value", Unknown::new(Reason::Undecidable, why)),
        }
    }

    async fn list(
        session: &Session,
        names: &[&str],
        _wanted: &[&Named<Self>],
    ) -> Result<Listing<Seen>, Unknown> {
        let mut settings: Vec<Setting> = catalog::all(session).await?;
        let mut unseen = None;
        if names.iter().any(|name| name.ends_with(FOR_SERVER)) {
            match catalog::of_server(session).await {
                Ok(of_server) => settings.extend(of_server),
                Err(why) => unseen = Some((FOR_SERVER, why)),
            }
        }
        let of_settings: Vec<String> =
            settings.iter().map(|setting| setting.name.setting.clone()).collect();
        let types = catalog::setting_types(session, &of_settings).await?;
        let seen = |setting: Setting| {
            let shown = !is_secretive(&setting.name.setting);
            let value = Content::of_text(&setting.value, shown);
            let of_type = types.get(&setting.name.setting).cloned();
            (setting.name.to_string(), Seen { value, of_type })
        };
        let things = settings.into_iter().map(seen).collect::<BTreeMap<_, _>>();
        Ok(Listing { things, unseen })
    }

    fn about(seen: &Seen) -> Option<String> {
        Some(match seen.value.shown.as_ref().and_then(Value::as_str) {
            Some(shown) => one_line(shown, 80),
            None => format!("{:?}", seen.value.sha256),
        })
    }

    fn write(draft: Draft, seen: &Seen) -> Result<Draft, Unknown> {
        let Some(shown) = &seen.value.shown else {
            let detail = "its name speaks of a secret, so its value is not written down";
            return Err(Unknown::new(Reason::NotAllowed, detail));
        };
        // What is shown is escaped; only a value that this has left alone is the value itself.
        if Content::digest(shown) != seen.value.sha256 {
            let detail = "its value holds characters that do not show, so it is not written down";
            return Err(Unknown::new(Reason::NotSupported, detail));
        }
        Ok(draft.set("value", shown.clone()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kinds::NoFiles;

    fn spec(name: &str, mut table: Value) -> (PgSetting, Vec<Code>) {
        table["database"] = json!("d");
        let mut spec: PgSetting = serde_json::from_value(table).expect("keys that fit");
        let mut problems = Vec::new();
        spec.prepare(name, &NoFiles, &mut problems);
        (spec, problems.into_iter().map(|problem| problem.code).collect())
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        use Code::{BadName, Contradiction, MissingKey};
        for (name, table, codes) in [
            ("work_mem for role r", json!({"value": "4MB"}), vec![]),
            ("d:work_mem for role r", json!({}), vec![]),
            ("work_mem", json!({"value": "4MB"}), vec![BadName]),
            ("Work_mem for database", json!({"value": "4MB"}), vec![BadName]),
            ("x for server", json!({"value": "1", "present": false}), vec![Contradiction]),
            ("* for role r", json!({}), vec![MissingKey]),
            ("* for role *", json!({"only": ["x for role r in database"]}), vec![]),
            ("* for server", json!({"only": []}), vec![]),
            ("* for role r", json!({"only": ["x for role s"]}), vec![Contradiction]),
            ("*", json!({"only": []}), vec![BadName]),
            ("* for *", json!({"only": []}), vec![BadName]),
            ("* for serv*", json!({"only": []}), vec![BadName]),
            ("* for database*", json!({"only": []}), vec![BadName]),
        ] {
            assert_eq!(spec(name, table.clone()).1, codes, "{name} {table}");
        }
    }

    #[test]
    fn values_are_compared_by_their_type() {
        let name = "statement_timeout for role r";
        let found = |value: Option<&str>, is: &str, of_type: Option<SettingType>| {
            let seen = Seen { value: Content::of_text(is, true), of_type };
            let table = value.map_or(json!({}), |value| json!({"value": value}));
            let found = spec(name, table).0.diff(name, &[(name.to_owned(), seen)].into());
            let blind = found.blind.iter().map(|blind| format!("blind {}", blind.field));
            found.differences.iter().map(|d| d.field.clone()).chain(blind).collect::<Vec<_>>()
        };
        let time = || Some(SettingType::Integer { unit: Some("ms".to_owned()) });
        for (value, is, of_type, fields) in [
            (None, "5s", time(), vec![]),
            (Some("5s"), "5s", time(), vec![]),
            (Some("5000"), "5s", time(), vec![]),
            (Some("6s"), "5s", time(), vec!["value"]),
            (Some("5 kB"), "5s", time(), vec!["blind value"]),
            (Some("5s"), "a\u{1b}b", time(), vec!["blind value"]),
            (Some("5000"), "5s", Some(SettingType::Text), vec!["value"]),
            // Recorded before the type was, or hidden.
            (Some("5s"), "5s", None, vec![]),
            (Some("5000"), "5s", None, vec!["blind value"]),
            (Some("pgaudit"), "pg_stat_statements", None, vec!["value"]),
        ] {
            assert_eq!(found(value, is, of_type), fields, "{value:?} {is}");
        }
        let old: Seen = serde_json::from_value(json!({"value": Content::of_text("5s", true)}))
            .expect("an answer of an earlier version");
        assert_eq!(old.of_type, None);
    }

    #[test]
    fn presence_is_compared_and_secrets_are_digests() {
        let chosen = |name: &str, value: &str| -> Chosen<Seen> {
            let value = Content::of_text(value, !is_secretive(name));
            [(name.to_owned(), Seen { value, of_type: Some(SettingType::Text) })].into()
        };
        let name = "statement_timeout for role r";
        let present = spec(name, json!({"present": false})).0.diff(name, &chosen(name, "5s"));
        assert_eq!(present.differences[0].field, "presence");
        let absent = spec(name, json!({"value": "5s"})).0.diff(name, &Chosen::new());
        assert_eq!(absent.differences[0].field, "presence");
        let name = "app.jwt_secret for database";
        let secret = chosen(name, "canary");
        let one = spec(name, json!({"value": "guess"})).0.diff(name, &secret);
        let list = spec("* for database", json!({"only": []})).0.diff("* for database", &secret);
        for found in [one, list] {
            let text = serde_json::to_string(&found.differences).expect("plain data");
            assert!(text.contains("sha256:"), "{text}");
            assert!(!text.contains("canary") && !text.contains("guess"), "{text}");
        }
    }

    #[test]
    fn no_secret_and_nothing_hidden_is_written_down() {
        let write = |value, shown| {
            let seen = Seen { value: Content::of_text(value, shown), of_type: None };
            PgSetting::write(Draft::new("x"), &seen).map_err(|why| why.reason)
        };
        assert_eq!(write("a, b", true).expect("plain").keys, [("value", json!("a, b"))]);
        assert_eq!(write("a", false), Err(Reason::NotAllowed));
        assert_eq!(write("a\u{1b}b", true), Err(Reason::NotSupported));
    }
}
