//! What tells the objects of each class apart within a schema: their titles.

use super::super::{
    Constraint, Function, Index, Object, Other, Sequence, Table, Trigger, Type, View,
};
use crate::model::grant::Grant;
use crate::model::{RelationName, RoutineName, written};

/// An object that stands in a schema.
pub(super) trait Member: Object {
    /// The catalog, and the SQL expression of the OID, of what an extension would own: of a part of a table, the table.
    const OWNED: Option<(&'static str, &'static str)>;
    /// Keys that the title says already.
    const TITLED: &'static [&'static str] = &["schema", "name"];

    /// The first line of its block: its class, and its name. What belongs to a table ends in ` on SCHEMA.TABLE`.
    fn title(&self) -> String;

    /// Does it belong to an extension? For classes whose question does not leave those out.
    fn of_extension(&self) -> bool {
        false
    }
}

fn named(class: &str, schema: &str, name: &str) -> String {
    let name = RelationName { schema: schema.to_owned(), name: name.to_owned() };
    format!("{class} {name}")
}

impl Member for Function {
    const OWNED: Option<(&'static str, &'static str)> = Some(("pg_catalog.pg_proc", "p.oid"));
    const TITLED: &'static [&'static str] = &["schema", "name", "arguments"];

    fn title(&self) -> String {
        let name = RelationName { schema: self.schema.clone(), name: self.name.clone() };
        let routine = RoutineName { name, arguments: self.arguments.clone() };
        format!("{} {routine}", Self::CLASS)
    }
}

impl Member for Table {
    const OWNED: Option<(&'static str, &'static str)> = Some(("pg_catalog.pg_class", "c.oid"));

    fn title(&self) -> String {
        named(Self::CLASS, &self.schema, &self.name)
    }
}

impl Member for Index {
    const OWNED: Option<(&'static str, &'static str)> = Some(("pg_catalog.pg_class", "x.indrelid"));
    const TITLED: &'static [&'static str] = &["schema", "name", "table"];

    fn title(&self) -> String {
        format!("{} {} on {}", Self::CLASS, written(&self.name), self.of_table())
    }
}

impl Member for Constraint {
    const OWNED: Option<(&'static str, &'static str)> = Some(("pg_catalog.pg_class", "c.oid"));
    const TITLED: &'static [&'static str] = &["schema", "name", "table"];

    fn title(&self) -> String {
        format!("{} {} on {}", Self::CLASS, written(&self.name), self.of_table())
    }
}

impl Member for Trigger {
    const OWNED: Option<(&'static str, &'static str)> = Some(("pg_catalog.pg_class", "t.tgrelid"));
    const TITLED: &'static [&'static str] = &["schema", "name", "table"];

    fn title(&self) -> String {
        let table = RelationName { schema: self.schema.clone(), name: self.table.clone() };
        // One that enforces a constraint is not called by an identifier.
        let name = if self.internal { self.name.as_str().into() } else { written(&self.name) };
        format!("{} {name} on {table}", Self::CLASS)
    }
}

impl Member for View {
    const OWNED: Option<(&'static str, &'static str)> = Some(("pg_catalog.pg_class", "c.oid"));

    fn title(&self) -> String {
        named(Self::CLASS, &self.schema, &self.name)
    }
}

impl Member for Sequence {
    const OWNED: Option<(&'static str, &'static str)> = Some(("pg_catalog.pg_class", "c.oid"));

    fn title(&self) -> String {
        named(Self::CLASS, &self.schema, &self.name)
    }
}

impl Member for Type {
    const OWNED: Option<(&'static str, &'static str)> = Some(("pg_catalog.pg_type", "t.oid"));

    fn title(&self) -> String {
        named(Self::CLASS, &self.schema, &self.name)
    }
}

/// Its classes lie in several catalogs, so each object says itself whose it is.
impl Member for Other {
    const OWNED: Option<(&'static str, &'static str)> = None;
    const TITLED: &'static [&'static str] = &["class", "schema", "name", "of"];

    fn title(&self) -> String {
        let title = named(&self.class, &self.schema, &self.name);
        self.of.as_ref().map_or_else(|| title.clone(), |of| format!("{title} ({of})"))
    }

    fn of_extension(&self) -> bool {
        self.extension.is_some()
    }
}

/// What was granted on an object of an extension is no part of the extension.
impl Member for Grant {
    const OWNED: Option<(&'static str, &'static str)> = None;
    const TITLED: &'static [&'static str] =
        &["privilege", "column", "class", "schema", "name", "arguments", "grantee"];

    fn title(&self) -> String {
        format!("{} {}", Self::CLASS, self.subject())
    }
}
