//! `[pg_table."SCHEMA.NAME"]`: a table with its columns, policies, storage and place among partitions; which tables there are.

mod columns;
mod policies;
mod spec;

use serde_json::json;

use super::in_catalog::{self, Seen};
use super::in_database::object_name;
use super::{Adopted, Adoption, Answers, Draft, Files, Kind, Named, Problem};
use crate::model::{Code, Comparison, RelationName, Unknown};
use crate::probe::World;
use crate::probe::catalog::Table;
pub(super) use spec::PgTable;

impl Kind for PgTable {
    const NAME: &'static str = "pg_table";
    const ABOUT: &'static str =
        "a table: columns, row security, owner, storage, partitions; which tables there are";
    const DOC: &'static str = include_str!("pg_table.md");
    const EXAMPLE: &'static str = r#"
[pg_table."public.information_unit"]
database = "directus"
owner = "directus"
columns = [
    "id uuid not null default gen_random_uuid()",
    "title character varying(80) not null",
    "number bigint not null generated always as identity",
    "created timestamp with time zone not null default now()",
]
row_security = true
policies = { own = "for select to cutter_ro using ((owner = CURRENT_USER))" }

[pg_table."public.unit_version"]
database = "directus"
column_count = 16

[pg_table."cutter_governance.*"]
database = "directus"
only = ["cutter_governance.cut_change_set", "cutter_governance.review_decision"]
"#;
    const IN_DATABASE: bool = true;
    const ADOPT: Option<Adoption> = Some(Adoption {
        flag: "table",
        value: "PATTERN",
        help: "Tables, as 'public.*', with their columns, and that there are no others",
        all: Some("*"),
    });
    type Observed = Seen<Table>;

    fn prepare(&mut self, name: &str, _files: &dyn Files, problems: &mut Vec<Problem>) {
        let name = object_name(name, &self.database);
        let wanted = (self.present, self.only.as_ref());
        in_catalog::check::<Table>(name, wanted, &self.of_one(), problems);
        self.check(problems);
    }

    fn database(&self) -> Option<&str> {
        Some(&self.database)
    }

    async fn observe_all(world: &World, wanted: &[Named<Self>]) -> Answers<Seen<Table>> {
        in_catalog::observe_all(world, wanted).await
    }

    async fn adopt(world: &World, asked: &str) -> Result<Adopted, Unknown> {
        in_catalog::adopt(world, asked, write).await
    }

    fn diff(&self, name: &str, seen: &Seen<Table>) -> Comparison {
        let name = object_name(name, &self.database);
        let wanted = (self.present, self.only.as_ref());
        let (mut found, one) = in_catalog::compare(name, wanted, seen);
        if let Some(one) = one {
            self.compare(one, &mut found);
        }
        found
    }
}

impl PgTable {
    /// Checks what its keys say.
    fn check(&self, problems: &mut Vec<Problem>) {
        let mut bad = |key: &str, message: String| {
            problems.push(Problem::key(key, Code::WrongType, message));
        };
        let mut names = std::collections::BTreeSet::new();
        for text in self.columns.iter().flatten() {
            match columns::parse(text) {
                Ok((name, _)) if !names.insert(name.clone()) => {
                    bad("columns", format!("the column `{name}` is listed twice"));
                }
                Ok(_) => {}
                Err(why) => bad("columns", format!("`{text}`: {why}")),
            }
        }
        for (name, text) in self.policies.iter().flatten() {
            if let Err(why) = policies::parse(text) {
                bad("policies", format!("`{name}`: {why}"));
            }
        }
        let relations = [("inherits", &self.inherits), ("children", &self.children)];
        for (key, names) in relations {
            for name in names.iter().flatten() {
                if let Err(why) = RelationName::parse(name) {
                    bad(key, format!("`{name}`: {why}"));
                }
            }
        }
        if let (Some(columns), Some(count)) = (&self.columns, self.column_count)
            && self.columns_only
            && columns.len() as u64 != count
        {
            let message = format!("`columns` lists {}, and these are all", columns.len());
            problems.push(Problem::key("column_count", Code::Contradiction, message));
        }
    }
}

/// Everything that is not as in any table, and what changes who sees or writes which rows.
fn write(is: &Table, draft: Draft) -> Draft {
    let map =
        |map: &std::collections::BTreeMap<String, String>| (!map.is_empty()).then(|| json!(map));
    let columns: Vec<String> = is.columns.iter().map(ToString::to_string).collect();
    let some = |text: &str, usual: &str| (text != usual).then(|| text.to_owned());
    let policies = is.policies.iter().map(|policy| (policy.name.clone(), policies::text(policy)));
    let policies: std::collections::BTreeMap<String, String> = policies.collect();
    // Without row security none of them applies, and that it comes is noticed.
    let policies = (is.row_security || !policies.is_empty()).then(|| json!(policies));
    let told = spec::Told::of(is);
    // A foreign table cannot have another than `nothing`.
    let usual = if is.kind == "foreign" { "nothing" } else { "default" };
    let replicated = some(&is.replica_identity, usual);
    let draft = draft
        .set("owner", is.owner.as_str())
        .set("kind", some(&is.kind, "table"))
        .set("columns", columns)
        .set("persistence", some(&is.persistence, "permanent"))
        .set("row_security", is.row_security)
        .set("force_row_security", is.force_row_security.then_some(true))
        .set("policies", policies)
        .set("replica_identity", replicated)
        .set("access_method", is.access_method.as_deref().and_then(|method| some(method, "heap")))
        .set("tablespace", is.tablespace.clone())
        .set("options", map(&is.options))
        .set("of_type", is.of_type.clone())
        .set("server", is.server.clone())
        .set("partition_key", is.partition_key.clone())
        .set("partition_bound", is.partition_bound.clone());
    let inherits = (!is.inherits.is_empty()).then(|| is.inherits.clone());
    let numbers = (!told.column_statistics.is_empty()).then(|| json!(told.column_statistics));
    draft
        .set("inherits", inherits)
        .set("rules", json!(told.rules))
        .set("statistics", map(&told.statistics))
        .set("column_statistics", numbers)
        .set("column_options", map(&told.column_options))
        .set("column_comments", map(&told.column_comments))
        .set("comment", is.comment.clone())
}
