//! `[pg_extension.NAME]`: an extension with its version, schema and owner, or none of that name; and which there are.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::listed::{self, Chosen, Listed, Listing};
use super::{Adopted, Adoption, Answers, Draft, Files, Kind, Named, Problem};
use crate::model::{Comparison, Unknown};
use crate::probe::World;
use crate::probe::catalog::{self, Extension};
use crate::probe::postgres::Session;

/// The table of an extension, or of a pattern over their names.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PgExtension {
    /// The database, as in `[database.NAME]`.
    database: String,
    /// `false`: it is not installed in the database. Default: true.
    #[serde(default = "super::presence::yes")]
    present: bool,
    /// Its version, such as "1.3".
    version: Option<String>,
    /// The schema of its objects.
    schema: Option<String>,
    /// Its owner.
    owner: Option<String>,
    /// For a name with a `*`: all extensions that it matches, and no others. `[]`: none.
    only: Option<Vec<String>>,
}

impl Kind for PgExtension {
    const NAME: &'static str = "pg_extension";
    const ABOUT: &'static str =
        "an extension of a database: version, schema, owner; which extensions there are";
    const DOC: &'static str = "\
The key is the name of an extension as it is: `[pg_extension.pgcrypto]`, `[pg_extension.uuid-ossp]`. Where two databases of a
host have a table about one extension, the database stands before it: `[pg_extension.\"shop:pgcrypto\"]`.

`version` is the one that is installed in the database. Files of a newer one that lie ready on the server are no difference.

A key with a `*` stands for every extension that it matches, and `only` is the whole list: `[pg_extension.\"*\"]` is the short form
for all of a database. `plpgsql` is one that every new database has. That something must never be there says
`[pg_extension.dblink]` with `present = false`.

The functions, types and tables that an extension brought are objects of their own: somebody may have changed them since.";
    const EXAMPLE: &'static str = r#"
[pg_extension."*"]
database = "directus"
only = ["btree_gist", "pgcrypto", "plpgsql", "postgres_fdw"]

[pg_extension.pgcrypto]
database = "directus"
version = "1.3"
schema = "public"
owner = "workflow_admin"
"#;
    const IN_DATABASE: bool = true;
    const ADOPT: Option<Adoption> = Some(Adoption {
        flag: "extension",
        value: "PATTERN",
        help: "Extensions of PostgreSQL whose name the pattern matches, and that there are no others",
        all: Some("*"),
    });
    type Observed = Chosen<Extension>;

    fn prepare(&mut self, name: &str, _files: &dyn Files, problems: &mut Vec<Problem>) {
        listed::check(self, name, problems);
    }

    fn database(&self) -> Option<&str> {
        Some(&self.database)
    }

    fn pinned(&self) -> Option<Value> {
        self.version.clone().map(Value::from)
    }

    async fn observe_all(world: &World, wanted: &[Named<Self>]) -> Answers<Chosen<Extension>> {
        listed::observe(world, wanted).await
    }

    async fn adopt(world: &World, asked: &str) -> Result<Adopted, Unknown> {
        listed::adopt::<Self>(world, asked).await
    }

    fn diff(&self, name: &str, chosen: &Chosen<Extension>) -> Comparison {
        listed::diff(self, name, chosen)
    }
}

impl Listed for PgExtension {
    type Thing = Extension;

    fn wanted(&self) -> (bool, Option<&Vec<String>>) {
        (self.present, self.only.as_ref())
    }

    fn attributes(&self) -> Vec<(&'static str, bool)> {
        vec![
            ("version", self.version.is_some()),
            ("schema", self.schema.is_some()),
            ("owner", self.owner.is_some()),
        ]
    }

    fn compare(&self, extension: &Extension, found: &mut Comparison) {
        found.expect("version", self.version.as_ref(), &extension.version);
        found.expect("schema", self.schema.as_ref(), &extension.schema);
        found.expect("owner", self.owner.as_ref(), &extension.owner);
    }

    async fn list(
        session: &Session,
        _names: &[&str],
        _wanted: &[&Named<Self>],
    ) -> Result<Listing<Extension>, Unknown> {
        let all: Vec<Extension> = catalog::all(session).await?;
        let named = all.into_iter().map(|extension| (extension.name.clone(), extension));
        Ok(named.collect::<BTreeMap<_, _>>().into())
    }

    fn about(extension: &Extension) -> Option<String> {
        Some(format!("{} in {}", extension.version, extension.schema))
    }

    fn write(draft: Draft, extension: &Extension) -> Result<Draft, Unknown> {
        let Extension { name: _, version, schema, owner } = extension.clone();
        Ok(draft.set("version", version).set("schema", schema).set("owner", owner))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kinds::NoFiles;
    use crate::model::Code;

    fn spec(name: &str, mut table: Value) -> (PgExtension, Vec<Code>) {
        table["database"] = json!("d");
        let mut spec: PgExtension = serde_json::from_value(table).expect("keys that fit");
        let mut problems = Vec::new();
        spec.prepare(name, &NoFiles, &mut problems);
        (spec, problems.into_iter().map(|problem| problem.code).collect())
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        use Code::{Contradiction, MissingKey};
        for (name, table, codes) in [
            ("pgcrypto", json!({}), vec![]),
            ("pgcrypto", json!({"present": false, "version": "1.3"}), vec![Contradiction]),
            ("*", json!({}), vec![MissingKey]),
            ("d:*", json!({"only": ["plpgsql"]}), vec![]),
            ("*", json!({"only": [], "owner": "x"}), vec![Contradiction]),
        ] {
            assert_eq!(spec(name, table.clone()).1, codes, "{name} {table}");
        }
    }

    #[test]
    fn each_attribute_is_compared() {
        let extension = Extension {
            name: "pgcrypto".into(),
            version: "1.3".into(),
            schema: "public".into(),
            owner: "postgres".into(),
        };
        let seen: Chosen<Extension> = [("pgcrypto".to_owned(), extension)].into();
        for (name, table, fields) in [
            (
                "pgcrypto",
                json!({"version": "1.3", "schema": "public", "owner": "postgres"}),
                vec![],
            ),
            ("pgcrypto", json!({"version": "1.2"}), vec!["version"]),
            ("pgcrypto", json!({"schema": "x"}), vec!["schema"]),
            ("pgcrypto", json!({"owner": "x"}), vec!["owner"]),
            ("pgcrypto", json!({"present": false}), vec!["presence"]),
            ("other", json!({}), vec!["presence"]),
            ("*", json!({"only": ["pgcrypto"]}), vec![]),
            ("*", json!({"only": ["other"]}), vec!["pgcrypto", "other"]),
        ] {
            let found = spec(name, table.clone()).0.diff(name, &seen);
            let differs: Vec<_> = found.differences.iter().map(|d| d.field.as_str()).collect();
            assert_eq!(differs, fields, "{name} {table}");
        }
    }
}
