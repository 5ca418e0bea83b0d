//! GRANT and REVOKE as text: every name quoted, and only privileges that this program knows.

use crate::model::display::escape;
use crate::model::grant::{Class, Grantee, Securable};
use crate::model::quoted;
use crate::model::sql::is_list_of_types;

/// What is done with a privilege. What is taken away goes first: it may be part of what is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verb {
    Revoke,
    RevokeOption,
    Grant,
    GrantWithOption,
}

/// A privilege, and the column.
pub(super) type Privilege = (String, Option<String>);

/// One statement: what is done with these privileges on one thing, and to whom.
///
/// # Errors
/// A fragment that says what cannot be written.
pub(super) fn text(
    verb: Verb,
    on: &Securable,
    grantee: &Grantee,
    privileges: &[Privilege],
) -> Result<String, String> {
    let (before, object) = object(on)?;
    let privileges = privileges_of(on.class, privileges)?;
    let role = match grantee {
        Grantee::Public => "PUBLIC".to_owned(),
        Grantee::Role(role) => quoted(role),
    };
    Ok(match verb {
        Verb::Revoke => format!("{before}REVOKE {privileges} ON {object} FROM {role}"),
        Verb::RevokeOption => {
            format!("{before}REVOKE GRANT OPTION FOR {privileges} ON {object} FROM {role}")
        }
        Verb::Grant => format!("{before}GRANT {privileges} ON {object} TO {role}"),
        Verb::GrantWithOption => {
            format!("{before}GRANT {privileges} ON {object} TO {role} WITH GRANT OPTION")
        }
    })
}

/// `SELECT, UPDATE ("title", "body")`, in the order of the class. Only words that this program knows.
fn privileges_of(class: Class, privileges: &[Privilege]) -> Result<String, String> {
    let mut said = Vec::new();
    for known in class.privileges() {
        let these = || privileges.iter().filter(|(privilege, _)| privilege == known);
        if these().any(|(_, column)| column.is_none()) {
            said.push((*known).to_owned());
        }
        let mut columns: Vec<String> =
            these().filter_map(|(_, column)| column.as_deref().map(quoted)).collect();
        columns.sort();
        if !columns.is_empty() {
            said.push(format!("{known} ({})", columns.join(", ")));
        }
    }
    let unknown =
        privileges.iter().find(|(known, _)| !class.privileges().contains(&known.as_str()));
    match unknown {
        Some((privilege, _)) => {
            Err(format!("this program does not know the privilege {privilege}"))
        }
        None => Ok(said.join(", ")),
    }
}

/// A thing as it stands behind ON, and what stands before the whole for default privileges.
fn object(on: &Securable) -> Result<(String, String), String> {
    let full = || match &on.schema {
        Some(schema) => format!("{}.{}", quoted(schema), quoted(&on.name)),
        None => quoted(&on.name),
    };
    let routine = |word: &str| {
        let arguments = on.arguments.as_deref().unwrap_or_default();
        if !is_list_of_types(arguments) {
            return Err(format!("`{}` are no types of arguments", escape(arguments)));
        }
        Ok(format!("{word} {}({arguments})", full()))
    };
    let plain = |word: &str| Ok(format!("{word} {}", full()));
    let future = |word: &str| {
        let schema = on.schema.as_deref().map(|schema| format!(" IN SCHEMA {}", quoted(schema)));
        let schema = schema.unwrap_or_default();
        let before = format!("ALTER DEFAULT PRIVILEGES FOR ROLE {}{schema} ", quoted(&on.name));
        Ok((before, word.to_owned()))
    };
    let object = match on.class {
        Class::Table => plain("TABLE"),
        Class::Sequence => plain("SEQUENCE"),
        Class::Function => routine("FUNCTION"),
        Class::Procedure => routine("PROCEDURE"),
        Class::Type => plain("TYPE"),
        Class::Schema => plain("SCHEMA"),
        Class::Database => plain("DATABASE"),
        Class::Language => plain("LANGUAGE"),
        Class::ForeignDataWrapper => plain("FOREIGN DATA WRAPPER"),
        Class::ForeignServer => plain("FOREIGN SERVER"),
        Class::Tablespace => plain("TABLESPACE"),
        Class::Parameter => {
            let parts: Vec<String> = on.name.split('.').map(quoted).collect();
            Ok(format!("PARAMETER {}", parts.join(".")))
        }
        Class::LargeObject if on.name.parse::<u32>().is_ok() => {
            Ok(format!("LARGE OBJECT {}", on.name))
        }
        Class::LargeObject => Err(format!("`{}` is no number of a large object", escape(&on.name))),
        Class::FutureTables => return future("TABLES"),
        Class::FutureSequences => return future("SEQUENCES"),
        Class::FutureFunctions => return future("FUNCTIONS"),
        Class::FutureTypes => return future("TYPES"),
        Class::FutureSchemas => return future("SCHEMAS"),
        Class::FutureLargeObjects => return future("LARGE OBJECTS"),
    };
    Ok((String::new(), object?))
}
