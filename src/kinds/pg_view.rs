//! `[pg_view."SCHEMA.NAME"]`: a view or materialized view: its query, columns, owner and options.

mod adopt;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::in_catalog::{self, Seen};
use super::in_database::object_name;
use super::in_order::{Item, check_typed, compare, typed};
use super::sql_text::Keys;
use super::{Adopted, Adoption, Answers, Files, Kind, Named, Problem, presence};
use crate::model::setting::boolean;
use crate::model::{Change, Code, Comparison, Difference, Digest, Unknown, unified, written};
use crate::probe::World;
use crate::probe::catalog::View;

const DEFINITION: Keys =
    Keys { inline: "definition", file: "definition_file", bytes_max: 256 << 10 };

/// The table of a view.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PgView {
    /// The database, as in `[database.NAME]`.
    database: String,
    /// Shall it exist? Default: true.
    #[serde(default = "presence::yes")]
    present: bool,
    /// For a name with a `*`: everything that it matches.
    only: Option<Vec<String>>,
    /// Is it a materialized view?
    materialized: Option<bool>,
    /// Its query, as PostgreSQL writes it.
    definition: Option<String>,
    /// A file with its query, beside this one.
    definition_file: Option<String>,
    /// The SHA-256 of its query, as PostgreSQL writes it.
    definition_sha256: Option<Digest>,
    /// All its columns in their order, with their types, as in `id integer`.
    columns: Option<Vec<String>>,
    /// Its owner.
    owner: Option<String>,
    /// Does it keep functions of others away from rows that it hides?
    security_barrier: Option<bool>,
    /// Are its tables read with the rights of who asks, and not of its owner?
    security_invoker: Option<bool>,
    /// Which rows may be written through it: "none", "local" or "cascaded".
    check_option: Option<CheckOption>,
    /// All its other options, as in `fillfactor=70`.
    options: Option<Vec<String>>,
    /// Of a materialized view: was it filled?
    populated: Option<bool>,
    /// All its rules besides the one that makes it a view: their texts, as PostgreSQL writes them, by name.
    rules: Option<BTreeMap<String, String>>,
    /// Its comment; "" for none.
    comment: Option<String>,
    #[serde(skip)]
    text: Option<String>,
}

/// Which rows may be written through a view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum CheckOption {
    None,
    Local,
    Cascaded,
}

impl CheckOption {
    const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Local => "local",
            Self::Cascaded => "cascaded",
        }
    }
}

impl Kind for PgView {
    const NAME: &'static str = "pg_view";
    const ABOUT: &'static str =
        "a view or materialized view of a database: query, columns, options";
    const DOC: &'static str = include_str!("pg_view.md");
    const EXAMPLE: &'static str = r#"
[pg_view."public.v_unit_current"]
database = "directus"
definition = "SELECT u.id, u.address FROM public.information_unit u WHERE u.lifecycle = 'current'::text"
columns = ["id uuid", "address text"]
owner = "directus"
security_barrier = true

[pg_view."cutter_governance.*"]
database = "directus"
only = ["cutter_governance.v_open_reviews"]
"#;
    const IN_DATABASE: bool = true;
    const ADOPT: Option<Adoption> = Some(Adoption {
        flag: "view",
        value: "SCHEMA.VIEW",
        help: "A view, or all that a pattern matches, as in 'shop.*'",
        all: Some("*"),
    });
    type Observed = Seen<View>;

    fn prepare(&mut self, name: &str, files: &dyn Files, problems: &mut Vec<Problem>) {
        let name = object_name(name, &self.database);
        let wanted = (self.present, self.only.as_ref());
        in_catalog::check::<View>(name, wanted, &self.keys(), problems);
        match DEFINITION.read(self.definition.as_ref(), self.definition_file.as_ref(), files) {
            Ok(text) => self.text = text,
            Err(problem) => problems.push(problem),
        }
        if self.text.is_some() && self.definition_sha256.is_some() {
            let message = "`definition_sha256` cannot stand beside the definition itself";
            problems.push(Problem::key("definition_sha256", Code::Contradiction, message));
        }
        check_typed("columns", self.columns.as_ref(), problems);
        let stored = [("populated", self.populated.is_some())];
        let plain = [
            ("security_barrier", self.security_barrier.is_some()),
            ("security_invoker", self.security_invoker.is_some()),
            ("check_option", self.check_option.is_some()),
        ];
        let (word, others): (&str, &[(&str, bool)]) = match self.materialized {
            Some(true) => ("materialized view", &plain),
            Some(false) => ("view that is not materialized", &stored),
            None => return,
        };
        for (key, _) in others.iter().filter(|(_, set)| *set) {
            let message = format!("a {word} has no `{key}`");
            problems.push(Problem::key(key, Code::Contradiction, message));
        }
    }

    fn database(&self) -> Option<&str> {
        Some(&self.database)
    }

    async fn observe_all(world: &World, wanted: &[Named<Self>]) -> Answers<Seen<View>> {
        in_catalog::observe_all(world, wanted).await
    }

    async fn adopt(world: &World, asked: &str) -> Result<Adopted, Unknown> {
        adopt::adopt(world, asked).await
    }

    fn diff(&self, name: &str, observed: &Seen<View>) -> Comparison {
        let name = object_name(name, &self.database);
        let wanted = (self.present, self.only.as_ref());
        let (mut found, one) = in_catalog::compare(name, wanted, observed);
        if let Some(one) = one {
            self.compare(one, &mut found);
        }
        found
    }
}

impl PgView {
    fn keys(&self) -> [(&'static str, bool); 13] {
        [
            ("materialized", self.materialized.is_some()),
            ("definition", self.definition.is_some()),
            ("definition_file", self.definition_file.is_some()),
            ("definition_sha256", self.definition_sha256.is_some()),
            ("columns", self.columns.is_some()),
            ("owner", self.owner.is_some()),
            ("security_barrier", self.security_barrier.is_some()),
            ("security_invoker", self.security_invoker.is_some()),
            ("check_option", self.check_option.is_some()),
            ("options", self.options.is_some()),
            ("populated", self.populated.is_some()),
            ("rules", self.rules.is_some()),
            ("comment", self.comment.is_some()),
        ]
    }

    fn compare(&self, view: &View, found: &mut Comparison) {
        found.seen = Some(if view.materialized { "materialized view" } else { "view" }.to_owned());
        found.expect("materialized", self.materialized.as_ref(), &view.materialized);
        self.compare_definition(&view.definition, found);
        if let Some(columns) = &self.columns {
            let wanted: Vec<Item> = columns.iter().map(|column| typed(column)).collect();
            let is: Vec<Item> = view
                .columns
                .iter()
                .map(|column| (written(&column.name).into_owned(), column.of_type.clone()))
                .collect();
            compare("columns", &wanted, &is, found);
        }
        found.expect_text("owner", self.owner.as_ref(), Some(&view.owner));
        let options = Options::of(view);
        found.expect("security_barrier", self.security_barrier.as_ref(), &options.barrier);
        found.expect("security_invoker", self.security_invoker.as_ref(), &options.invoker);
        if let Some(wanted) = self.check_option.map(CheckOption::word)
            && wanted != options.check
        {
            found.differences.push(Difference::new("check_option", wanted, options.check));
        }
        if let Some(wanted) = &self.options {
            let mut wanted: Vec<Item> = wanted.iter().map(|option| named_option(option)).collect();
            wanted.sort();
            compare("options", &wanted, &options.others, found);
        }
        if let (Some(wanted), Some(is)) = (&self.populated, &view.populated) {
            found.expect("populated", Some(wanted), is);
        } else if self.populated.is_some() && !view.materialized {
            found.expect("materialized", Some(&true), &false);
        }
        self.compare_rules(view, found);
        found.expect_text("comment", self.comment.as_ref(), view.comment.as_ref());
    }

    fn compare_definition(&self, is: &str, found: &mut Comparison) {
        let digest = Digest::of(is.as_bytes());
        let shown = |digest: Digest| format!("{digest:?}");
        if let Some(wanted) = self.definition_sha256
            && wanted != digest
        {
            let difference = Difference::new("definition_sha256", shown(wanted), shown(digest));
            found.differences.push(difference);
        }
        let Some(wanted) = &self.text else { return };
        if bare(wanted) != bare(is) {
            let lines = unified(&format!("{}\n", bare(wanted)), &format!("{}\n", bare(is)));
            let wanted = shown(Digest::of(wanted.as_bytes()));
            let difference = Difference::new("definition", wanted, shown(digest));
            found.differences.push(difference.unified(Some(lines)));
        }
    }

    fn compare_rules(&self, view: &View, found: &mut Comparison) {
        let Some(wanted) = &self.rules else { return };
        for rule in &view.rules {
            let field = format!("rules.{}", crate::model::display::escape(&rule.name));
            let Some(text) = wanted.get(&rule.name) else {
                let unlisted = Difference::new(field, Value::Null, "present");
                found.differences.push(unlisted.changed(Change::Unlisted));
                continue;
            };
            if bare(text) != bare(&rule.definition) {
                let lines =
                    unified(&format!("{}\n", bare(text)), &format!("{}\n", bare(&rule.definition)));
                let [wanted, is] = [text, &rule.definition]
                    .map(|text| format!("{:?}", Digest::of(bare(text).as_bytes())));
                found.differences.push(Difference::new(field, wanted, is).unified(Some(lines)));
            } else if rule.enabled != "origin" {
                let field = format!("{field}.enabled");
                found.differences.push(Difference::new(field, "origin", rule.enabled.clone()));
            }
        }
        let gone = wanted.keys().filter(|name| !view.rules.iter().any(|rule| rule.name == **name));
        for name in gone {
            let field = format!("rules.{}", crate::model::display::escape(name));
            let missing = Difference::new(field, "present", Value::Null);
            found.differences.push(missing.changed(Change::Missing));
        }
    }
}

/// A text without the blanks around it and the semicolon at its end, which nobody means.
fn bare(text: &str) -> &str {
    text.trim().trim_end_matches(';').trim_end()
}

fn named_option(option: &str) -> Item {
    let (name, value) = option.split_once('=').unwrap_or((option, "true"));
    (name.to_owned(), value.to_owned())
}

/// The options of a view: those that have keys of their own, and the others.
struct Options {
    barrier: bool,
    invoker: bool,
    check: String,
    others: Vec<Item>,
}

impl Options {
    fn of(view: &View) -> Self {
        let mut options =
            Self { barrier: false, invoker: false, check: "none".to_owned(), others: Vec::new() };
        for option in &view.options {
            let (name, value) = named_option(option);
            // Stored as it was written.
            let yes = boolean(&value) == Some(true);
            match name.as_str() {
                "security_barrier" => options.barrier = yes,
                "security_invoker" => options.invoker = yes,
                "check_option" => options.check = value.to_lowercase(),
                _ => options.others.push((name, value)),
            }
        }
        options
    }
}

#[cfg(test)]
mod tests;
