//! `[pg_publication.NAME]`: what leaves a database by logical replication: tables, columns, rows, operations; and all such.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::listed::{self, Chosen, Listed, Listing};
use super::{Adopted, Adoption, Answers, Draft, Files, Kind, Named, Problem};
use crate::model::display::escape;
use crate::model::{Change, Code, Comparison, Difference, RelationName, Unknown};
use crate::probe::World;
use crate::probe::catalog::{self, Publication, Published};
use crate::probe::postgres::Session;

/// The table of a publication, or of a pattern over their names.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PgPublication {
    /// The database, as in `[database.NAME]`.
    database: String,
    /// `false`: there is no such publication. Default: true.
    #[serde(default = "super::presence::yes")]
    present: bool,
    /// Its owner.
    owner: Option<String>,
    /// Does it publish every table of the database, those to come included?
    all_tables: Option<bool>,
    /// What it publishes: exactly these.
    publish: Option<BTreeSet<Operation>>,
    /// Are changes of a partition published as changes of the partitioned table?
    via_root: Option<bool>,
    /// Which generated columns it publishes where no list of columns says it.
    generated_columns: Option<Generated>,
    /// Schemas of which it publishes every table, those to come included: exactly these.
    schemas: Option<BTreeSet<String>>,
    /// Tables that it names: exactly these, by `schema.table`. `{}` is a table with all columns and all rows.
    tables: Option<BTreeMap<String, Table>>,
    /// For a name with a `*`: all publications that it matches, and no others. `[]`: none.
    only: Option<Vec<String>>,
}

/// What is published.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
enum Operation {
    Insert,
    Update,
    Delete,
    Truncate,
}

/// Which generated columns are published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Generated {
    /// None; before PostgreSQL 18 always.
    None,
    /// Those whose values are stored.
    Stored,
}

impl Generated {
    fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Stored => "stored",
        }
    }
}

impl Operation {
    fn name(self) -> &'static str {
        match self {
            Self::Insert => "insert",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Truncate => "truncate",
        }
    }
}

/// A table of a publication.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Table {
    /// The columns that are published: exactly these, in any order. Default: all.
    columns: Option<BTreeSet<String>>,
    /// Which rows are published, as PostgreSQL writes it, such as "(id > 0)". Default: all.
    rows: Option<String>,
}

impl Table {
    fn compare(&self, field: &str, is: &Published, found: &mut Comparison) {
        let list = |columns: &Option<BTreeSet<String>>| match columns {
            None => json!("all"),
            Some(columns) => columns.iter().map(|name| escape(name)).collect::<Vec<_>>().into(),
        };
        if self.columns != is.columns {
            let (wanted, is) = (list(&self.columns), list(&is.columns));
            found.differences.push(Difference::new(format!("{field}.columns"), wanted, is));
        }
        let rows = |rows: &Option<String>| rows.clone().unwrap_or_else(|| "all".to_owned());
        match &is.rows {
            Err(unknown) => found.blind(format!("{field}.rows"), unknown.clone()),
            Ok(is) if *is == self.rows => {}
            Ok(is) => {
                let difference =
                    Difference::new(format!("{field}.rows"), rows(&self.rows), rows(is));
                found.differences.push(difference);
            }
        }
    }
}

/// Compares two sets, one difference an item.
fn sets(field: &str, wanted: &BTreeSet<String>, is: &BTreeSet<String>, found: &mut Comparison) {
    let item = |name: &str| format!("{field}.{}", escape(name));
    for name in wanted.difference(is) {
        let difference = Difference::new(item(name), "published", Value::Null);
        found.differences.push(difference.changed(Change::Missing));
    }
    for name in is.difference(wanted) {
        let difference = Difference::new(item(name), Value::Null, "published");
        found.differences.push(difference.changed(Change::Unlisted));
    }
}

impl Kind for PgPublication {
    const NAME: &'static str = "pg_publication";
    const ABOUT: &'static str =
        "a publication of logical replication: owner, operations, tables, columns, rows";
    const DOC: &'static str = "\
The key is the name of a publication as it is. Where two databases of a host have a table about one publication, the
database stands before it: `[pg_publication.\"shop:outbox\"]`.

`publish`, `schemas` and `tables` are whole lists: what is published beside them is a difference. A table of `tables` is meant
whole as well: without `columns` it is published with all of them, without `rows` all of its rows. `rows` is the condition as
PostgreSQL writes it, which `psql`'s `\\dRp+` shows; it is the one thing that takes a lock to be read, so it alone is unknown
while somebody has the table locked.

Before PostgreSQL 15 there are no lists of columns, no conditions and no schemas; before 18 no generated column is
published, which is `generated_columns = \"none\"`.

A key with a `*` stands for every publication that it matches, and `only` is the whole list: `[pg_publication.\"*\"]` with
`only = []` says that nothing leaves the database this way.";
    const EXAMPLE: &'static str = r#"
[pg_publication.outbox]
database = "directus"
owner = "directus"
publish = ["insert"]
via_root = false
tables = { "public.event_outbox" = {}, "public.unit_version" = { columns = ["id", "version"], rows = "(version > 1)" } }

[pg_publication."*"]
database = "directus"
only = ["outbox"]
"#;
    const IN_DATABASE: bool = true;
    const ADOPT: Option<Adoption> = Some(Adoption {
        flag: "publication",
        value: "PATTERN",
        help: "Publications of PostgreSQL whose name the pattern matches, and that there are no others",
        all: Some("*"),
    });
    type Observed = Chosen<Publication>;

    fn prepare(&mut self, name: &str, _files: &dyn Files, problems: &mut Vec<Problem>) {
        listed::check(self, name, problems);
        for name in self.tables.iter().flatten().map(|(name, _)| name) {
            if let Err(why) = RelationName::parse(name) {
                problems.push(Problem::key("tables", Code::BadName, why));
            }
        }
        let named = self.tables.as_ref().is_some_and(|tables| !tables.is_empty())
            || self.schemas.as_ref().is_some_and(|schemas| !schemas.is_empty());
        if named && self.all_tables == Some(true) {
            let message = "a publication of all tables names neither tables nor schemas";
            problems.push(Problem::key("all_tables", Code::Contradiction, message));
        }
    }

    fn database(&self) -> Option<&str> {
        Some(&self.database)
    }

    async fn observe_all(world: &World, wanted: &[Named<Self>]) -> Answers<Chosen<Publication>> {
        listed::observe(world, wanted).await
    }

    async fn adopt(world: &World, asked: &str) -> Result<Adopted, Unknown> {
        listed::adopt::<Self>(world, asked).await
    }

    fn diff(&self, name: &str, chosen: &Chosen<Publication>) -> Comparison {
        listed::diff(self, name, chosen)
    }
}

impl Listed for PgPublication {
    type Thing = Publication;

    fn wanted(&self) -> (bool, Option<&Vec<String>>) {
        (self.present, self.only.as_ref())
    }

    fn attributes(&self) -> Vec<(&'static str, bool)> {
        vec![
            ("owner", self.owner.is_some()),
            ("all_tables", self.all_tables.is_some()),
            ("publish", self.publish.is_some()),
            ("via_root", self.via_root.is_some()),
            ("generated_columns", self.generated_columns.is_some()),
            ("schemas", self.schemas.is_some()),
            ("tables", self.tables.is_some()),
        ]
    }

    fn compare(&self, is: &Publication, found: &mut Comparison) {
        found.expect("owner", self.owner.as_ref(), &is.owner);
        found.expect("all_tables", self.all_tables.as_ref(), &is.all_tables);
        found.expect("via_root", self.via_root.as_ref(), &is.via_root);
        let generated = self.generated_columns.map(|generated| generated.name().to_owned());
        found.expect("generated_columns", generated.as_ref(), &is.generated_columns);
        if let Some(publish) = &self.publish {
            let publish = publish.iter().map(|operation| operation.name().to_owned()).collect();
            sets("publish", &publish, &is.publish, found);
        }
        if let Some(schemas) = &self.schemas {
            sets("schemas", schemas, &is.schemas, found);
        }
        let Some(wanted) = &self.tables else { return };
        let names = |keys: &mut dyn Iterator<Item = &String>| keys.cloned().collect();
        sets("tables", &names(&mut wanted.keys()), &names(&mut is.tables.keys()), found);
        for (name, table) in wanted {
            if let Some(published) = is.tables.get(name) {
                table.compare(&format!("tables.{}", escape(name)), published, found);
            }
        }
    }

    async fn list(
        session: &Session,
        _names: &[&str],
        _wanted: &[&Named<Self>],
    ) -> Result<Listing<Publication>, Unknown> {
        let all = catalog::publications(session).await?;
        let named = all.into_iter().map(|publication| (publication.name.clone(), publication));
        Ok(named.collect::<BTreeMap<_, _>>().into())
    }

    fn about(publication: &Publication) -> Option<String> {
        let counted = |count: usize, one: &str| match count {
            0 => None,
            1 => Some(format!("1 {one}")),
            count => Some(format!("{count} {one}s")),
        };
        let parts = [
            publication.all_tables.then(|| "all tables".to_owned()),
            counted(publication.tables.len(), "table"),
            counted(publication.schemas.len(), "schema"),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        let what = if parts.is_empty() { "nothing".to_owned() } else { parts.join(", ") };
        let publish: Vec<&str> = publication.publish.iter().map(String::as_str).collect();
        Some(format!("{what}: {}", publish.join(", ")))
    }

    fn write(draft: Draft, publication: &Publication) -> Result<Draft, Unknown> {
        let draft = draft
            .set("owner", publication.owner.clone())
            .set("all_tables", publication.all_tables.then_some(true))
            .set("publish", json!(publication.publish))
            .set("via_root", publication.via_root)
            .set("generated_columns", published_generated(publication));
        if publication.all_tables {
            return Ok(draft);
        }
        let mut tables = serde_json::Map::new();
        for (name, published) in &publication.tables {
            let mut table = serde_json::Map::new();
            if let Some(columns) = &published.columns {
                table.insert("columns".to_owned(), json!(columns));
            }
            if let Some(rows) = published.rows.clone()? {
                table.insert("rows".to_owned(), rows.into());
            }
            tables.insert(name.clone(), table.into());
        }
        let schemas = Some(&publication.schemas).filter(|schemas| !schemas.is_empty());
        Ok(draft.set("schemas", schemas.map(|schemas| json!(schemas))).set("tables", tables))
    }
}

/// Written down where it says something.
fn published_generated(publication: &Publication) -> Option<&str> {
    Some(publication.generated_columns.as_str()).filter(|generated| *generated != "none")
}

#[cfg(test)]
mod tests {

    use super::*;
    use crate::kinds::NoFiles;
    use crate::model::Reason;

    fn spec(name: &str, mut table: Value) -> (PgPublication, Vec<Code>) {
        table["database"] = json!("d");
        let mut spec: PgPublication = serde_json::from_value(table).expect("keys that fit");
        let mut problems = Vec::new();
        spec.prepare(name, &NoFiles, &mut problems);
        (spec, problems.into_iter().map(|problem| problem.code).collect())
    }

    fn texts(items: &[&str]) -> BTreeSet<String> {
        items.iter().map(ToString::to_string).collect()
    }

    fn seen(rows: Result<Option<String>, Unknown>) -> Chosen<Publication> {
        let published = Published { columns: Some(texts(&["id", "n"])), rows };
        let publication = Publication {
            name: "p".into(),
            owner: "o".into(),
            all_tables: false,
            publish: texts(&["insert", "update"]),
            via_root: false,
            generated_columns: "none".into(),
            schemas: texts(&["s"]),
            tables: [("public.t".to_owned(), published)].into(),
        };
        [("p".to_owned(), publication)].into()
    }

    fn lines(table: Value, seen: &Chosen<Publication>) -> Vec<String> {
        let found = spec("p", table).0.diff("p", seen);
        let blind = found.blind.iter().map(|b| format!("blind {}", b.field));
        found.differences.iter().map(|d| d.field.clone()).chain(blind).collect()
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        use Code::{BadName, Contradiction, MissingKey};
        for (name, table, codes) in [
            ("p", json!({}), vec![]),
            ("p", json!({"tables": {"t": {}}}), vec![BadName]),
            ("p", json!({"tables": {"s.t": {}}, "all_tables": true}), vec![Contradiction]),
            ("p", json!({"schemas": ["s"], "all_tables": true}), vec![Contradiction]),
            ("p", json!({"tables": {}, "all_tables": true}), vec![]),
            ("p", json!({"present": false, "owner": "x"}), vec![Contradiction]),
            ("*", json!({}), vec![MissingKey]),
            ("*", json!({"only": [], "publish": []}), vec![Contradiction]),
        ] {
            assert_eq!(spec(name, table.clone()).1, codes, "{name} {table}");
        }
        let unknown = json!({"database": "d", "publish": ["select"]});
        assert!(serde_json::from_value::<PgPublication>(unknown).is_err());
    }

    #[test]
    fn each_attribute_is_compared() {
        let table = json!({"columns": ["n", "id"], "rows": "(n > 1)"});
        for (wanted, fields) in [
            (json!({"owner": "o", "all_tables": false, "via_root": false}), vec![]),
            (json!({"publish": ["update", "insert"], "schemas": ["s"]}), vec![]),
            (json!({"tables": {"public.t": table}}), vec![]),
            (json!({"owner": "x"}), vec!["owner"]),
            (json!({"all_tables": true}), vec!["all_tables"]),
            (json!({"via_root": true}), vec!["via_root"]),
            (json!({"generated_columns": "none"}), vec![]),
            (json!({"generated_columns": "stored"}), vec!["generated_columns"]),
            (json!({"publish": ["insert", "delete"]}), vec!["publish.delete", "publish.update"]),
            (json!({"schemas": []}), vec!["schemas.s"]),
            (json!({"tables": {}}), vec!["tables.public.t"]),
            (
                json!({"tables": {"public.t": {}}}),
                vec!["tables.public.t.columns", "tables.public.t.rows"],
            ),
            (json!({"present": false}), vec!["presence"]),
        ] {
            assert_eq!(
                lines(wanted.clone(), &seen(Ok(Some("(n > 1)".into())))),
                fields,
                "{wanted}"
            );
        }
    }

    #[test]
    fn a_condition_behind_a_lock_is_unknown_where_it_is_wanted() {
        let locked = seen(Err(Unknown::new(Reason::Locked, "x")));
        let wanted = json!({"tables": {"public.t": {"columns": ["id", "n"]}}});
        assert_eq!(lines(wanted, &locked), ["blind tables.public.t.rows"]);
        assert_eq!(lines(json!({"owner": "o"}), &locked), [""; 0]);
        assert!(PgPublication::write(Draft::new("p"), &locked["p"]).is_err());
    }
}
