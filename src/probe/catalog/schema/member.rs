//! What tells the objects of each class apart within a schema: their titles.

use super::super::{Function, Object};
use crate::model::{RelationName, RoutineName};

/// An object that stands in a schema.
pub(super) trait Member: Object {
    /// The catalog, and the SQL expression of the OID, of what an extension would own: of a part of a table, the table.
    const ROW: (&'static str, &'static str);
    /// Keys that the title says already.
    const TITLED: &'static [&'static str];

    /// What follows the class in the title. What belongs to a table ends in ` on SCHEMA.TABLE`.
    fn title(&self) -> String;
}

impl Member for Function {
    const ROW: (&'static str, &'static str) = ("pg_catalog.pg_proc", "p.oid");
    const TITLED: &'static [&'static str] = &["schema", "name", "arguments"];

    fn title(&self) -> String {
        let name = RelationName { schema: self.schema.clone(), name: self.name.clone() };
        RoutineName { name, arguments: self.arguments.clone() }.to_string()
    }
}
