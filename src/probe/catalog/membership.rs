//! Memberships: each grant of a role to a role. Since PostgreSQL 16 one member may have several, by several grantors.

use serde::{Deserialize, Serialize};

use super::whole::Whole;
use crate::model::Unknown;
use crate::probe::postgres::Fields;

/// One grant of a role to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// The role that is granted.
    pub role: String,
    /// Who has it.
    pub member: String,
    /// May the member grant it further?
    pub admin: bool,
    /// What is known since PostgreSQL 16.
    pub options: Option<Options>,
}

/// What a grant says since PostgreSQL 16.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Options {
    /// Does the member have the role's rights without taking it on?
    pub inherit: bool,
    /// May the member take it on (`SET ROLE`)?
    pub set: bool,
    /// Who granted it.
    pub grantor: String,
}

impl Whole for Membership {
    const CLASS: &'static str = "memberships";

    fn sql(version: u32) -> String {
        // Before 16 nobody keeps the grantor right: it may be a role that is gone.
        let options = if version >= 160_000 {
            "m.inherit_option::text, m.set_option::text, pg_catalog.pg_get_userbyid(m.grantor)::text"
        } else {
            "NULL::text, NULL::text, NULL::text"
        };
        format!(
            "SELECT pg_catalog.pg_get_userbyid(m.roleid)::text, pg_catalog.pg_get_userbyid(m.member)::text, \
             m.admin_option::text, {options} FROM pg_catalog.pg_auth_members m ORDER BY 1, 2, 6"
        )
    }

    fn read(row: &Fields<'_>) -> Result<Self, Unknown> {
        let options = match row.maybe(5)? {
            None => None,
            Some(grantor) => Some(Options {
                inherit: row.flag(3)?,
                set: row.flag(4)?,
                grantor: grantor.to_owned(),
            }),
        };
        Ok(Self { role: row.owned(0)?, member: row.owned(1)?, admin: row.flag(2)?, options })
    }
}
