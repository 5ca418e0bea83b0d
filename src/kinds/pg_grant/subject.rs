//! What a table of grants is about: one grantee, one thing, or one schema.

use crate::kinds::Problem;
use crate::model::grant::{Class, Grant, Grantee, Securable};
use crate::model::{Code, RelationName};

/// What a list of grants is complete for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Subject {
    /// All that one grantee is granted.
    To(Grantee),
    /// All that is granted on one thing.
    On(Securable),
    /// All that is granted in one schema, and on it.
    In(String),
}

impl Subject {
    /// Reads the key of a table: `cutter_exec`, `PUBLIC`, `on public.unit`, `in schema shop`.
    pub(super) fn parse(name: &str) -> Result<Self, Problem> {
        let wrong = |message: String, hint: Option<String>| {
            let problem = Problem::resource(Code::BadName, message);
            Problem { hint, ..problem }
        };
        if let Some(thing) = name.strip_prefix("on ") {
            let thing = Securable::parse(thing).map_err(|flaw| wrong(flaw.message, flaw.hint))?;
            return Ok(Self::On(thing));
        }
        if let Some(schema) = name.strip_prefix("in ") {
            let thing = Securable::parse(schema).map_err(|flaw| wrong(flaw.message, flaw.hint))?;
            if thing.class == Class::Schema {
                return Ok(Self::In(thing.name));
            }
            let message = format!("`{schema}` is no schema");
            return Err(wrong(message, Some("as in `in schema shop`".to_owned())));
        }
        Grantee::parse(name).map(Self::To).map_err(|why| {
            let hint = match RelationName::parse(name) {
                Ok(table) => format!("for all that is granted on a table: `on {table}`"),
                Err(_) => {
                    "it is a role, `PUBLIC`, `on public.orders` or `in schema shop`".to_owned()
                }
            };
            wrong(why, Some(hint))
        })
    }

    /// Is a grant one of those that the list is complete for?
    pub(super) fn covers(&self, grant: &Grant) -> bool {
        match self {
            Self::To(grantee) => grant.grantee == *grantee,
            Self::On(thing) => grant.on == *thing,
            Self::In(schema) => schema_of(&grant.on) == Some(schema),
        }
    }
}

/// The schema that a thing belongs to; a schema belongs to itself.
pub(super) fn schema_of(on: &Securable) -> Option<&String> {
    match on.class {
        Class::Schema => Some(&on.name),
        _ => on.schema.as_ref(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_names_a_grantee_a_thing_or_a_schema() {
        let role = Subject::To(Grantee::Role("cutter_exec".into()));
        assert_eq!(Subject::parse("cutter_exec").ok(), Some(role));
        assert_eq!(Subject::parse("PUBLIC").ok(), Some(Subject::To(Grantee::Public)));
        assert_eq!(Subject::parse("in schema shop").ok(), Some(Subject::In("shop".into())));
        let on = Subject::parse("on function public.f(text)").ok();
        assert!(matches!(on, Some(Subject::On(thing)) if thing.class == Class::Function));
        for (bad, hint) in [
            ("public.orders", "`on public.orders`"),
            ("Cutter", "it is a role"),
            ("in shop.t", "in schema shop"),
            ("on view s.v", "without a word"),
            ("public", "it is a role"),
            ("on orders", ""),
        ] {
            let problem = Subject::parse(bad).expect_err(bad);
            assert!(problem.hint.unwrap_or_default().contains(hint), "{bad}");
        }
    }
}
