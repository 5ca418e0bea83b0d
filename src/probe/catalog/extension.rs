//! Extensions of a database.

use serde::{Deserialize, Serialize};

use super::whole::Whole;
use crate::model::Unknown;
use crate::probe::postgres::Fields;

/// An extension that is installed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extension {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The schema of its objects; for one that cannot be moved, the schema in which its script began.
    pub schema: String,
    /// Its owner.
    pub owner: String,
}

impl Whole for Extension {
    const CLASS: &'static str = "extensions";

    fn sql(_version: u32) -> String {
        "SELECT e.extname::text, e.extversion, n.nspname::text, pg_catalog.pg_get_userbyid(e.extowner)::text \
         FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace ORDER BY 1"
            .to_owned()
    }

    fn read(row: &Fields<'_>) -> Result<Self, Unknown> {
        Ok(Self {
            name: row.owned(0)?,
            version: row.owned(1)?,
            schema: row.owned(2)?,
            owner: row.owned(3)?,
        })
    }
}
