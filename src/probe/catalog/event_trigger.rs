//! Event triggers: what a database does when its definition changes.

use serde::{Deserialize, Serialize};

use super::{Whole, is_default};
use crate::model::{RelationName, RoutineName, Unknown};
use crate::probe::postgres::Fields;

/// An event trigger. It belongs to a database and to no schema.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventTrigger {
    /// Its name.
    pub name: String,
    /// `origin`, `always`, `replica` or `disabled`, as of other triggers.
    pub enabled: String,
    /// `ddl_command_start`, `ddl_command_end`, `sql_drop`, `table_rewrite` or `login`.
    pub event: String,
    /// The commands that it is about, sorted; none for all.
    #[serde(default, skip_serializing_if = "is_default")]
    pub tags: Vec<String>,
    /// The function, as desired state writes it: `public.fn_guard()`.
    pub function: String,
    /// Its owner.
    pub owner: String,
    /// Its comment.
    #[serde(default, skip_serializing_if = "is_default")]
    pub comment: Option<String>,
}

const EVENT_TRIGGERS: &str = "SELECT t.evtname::text, CASE t.evtenabled WHEN 'O' THEN 'origin' WHEN 'D' THEN 'disabled' \
    WHEN 'R' THEN 'replica' WHEN 'A' THEN 'always' ELSE t.evtenabled::text END, t.evtevent::text, \
    pg_catalog.to_json(ARRAY(SELECT tag FROM pg_catalog.unnest(t.evttags) tag ORDER BY tag COLLATE pg_catalog.\"C\"))::text, \
    n.nspname::text, p.proname::text, pg_catalog.pg_get_userbyid(t.evtowner)::text, \
    pg_catalog.obj_description(t.oid, 'pg_event_trigger') \
    FROM pg_catalog.pg_event_trigger t JOIN pg_catalog.pg_proc p ON p.oid = t.evtfoid \
    JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace ORDER BY t.evtname";

/// Every role may read them, and no lock hides one.
impl Whole for EventTrigger {
    const CLASS: &'static str = "event triggers";

    fn sql(_version: u32) -> String {
        EVENT_TRIGGERS.to_owned()
    }

    fn read(row: &Fields<'_>) -> Result<Self, Unknown> {
        let function = RelationName { schema: row.owned(4)?, name: row.owned(5)? };
        Ok(Self {
            name: row.owned(0)?,
            enabled: row.owned(1)?,
            event: row.owned(2)?,
            tags: row.json(3)?,
            function: RoutineName { name: function, arguments: String::new() }.to_string(),
            owner: row.owned(6)?,
            comment: row.maybe(7)?.map(str::to_owned),
        })
    }
}
