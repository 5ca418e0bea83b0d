//! Is this the machine, and is this the database, that desired state speaks of? Asked before anything else.

use crate::desired::{DatabaseIdentity, Desired};
use crate::model::Unknown;

/// What the machine says of itself. A part that could not be read is a reason.
#[derive(Debug, Clone)]
pub struct ObservedHost {
    /// Its host name.
    pub hostname: Result<String, Unknown>,
    /// Its machine id.
    pub machine_id: Result<String, Unknown>,
}

/// What a database says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedDatabase {
    /// The cluster's system identifier.
    pub system_identifier: Result<String, Unknown>,
    /// The name of the database.
    pub name: String,
    /// The server's version, such as "16.13".
    pub server_version: String,
}

/// Two statements about an identity that cannot both be true. The program refuses to go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {by} says `{wanted}`, and {found_by} says `{found}`")]
pub struct Contradiction {
    /// Which identity.
    pub what: String,
    /// Who states what should be.
    pub by: &'static str,
    /// What should be.
    pub wanted: String,
    /// Who states otherwise.
    pub found_by: &'static str,
    /// What that one says.
    pub found: String,
}

fn contradiction(
    what: &str,
    wanted: (&'static str, &str),
    found: (&'static str, &str),
) -> Contradiction {
    Contradiction {
        what: what.to_owned(),
        by: wanted.0,
        wanted: wanted.1.to_owned(),
        found_by: found.0,
        found: found.1.to_owned(),
    }
}

/// Compares desired state with the pins of the host's own configuration.
///
/// # Errors
/// The first contradiction.
pub fn pins<'a>(
    desired: &Desired,
    hostname: Option<&str>,
    system_identifiers: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<(), Contradiction> {
    if let (Some(pinned), Some(wanted)) = (hostname, desired.identity.hostname.as_deref())
        && pinned != wanted
    {
        return Err(contradiction(
            "hostname",
            ("the host's configuration", pinned),
            ("desired state", wanted),
        ));
    }
    for (name, pinned) in system_identifiers {
        let identity = desired.databases.get(name);
        if let Some(wanted) = identity.and_then(|identity| identity.system_identifier.as_deref())
            && pinned != wanted
        {
            let what = format!("system identifier of {name}");
            return Err(contradiction(
                &what,
                ("the host's configuration", pinned),
                ("desired state", wanted),
            ));
        }
    }
    Ok(())
}

/// Compares desired state, and the configuration's pin, with the machine. The reason in `Ok` says what could not be verified.
///
/// # Errors
/// The first contradiction.
pub fn host(
    desired: &Desired,
    pinned: Option<&str>,
    observed: &ObservedHost,
) -> Result<Option<Unknown>, Contradiction> {
    let wanted = [
        ("hostname", "the host's configuration", pinned, &observed.hostname),
        ("hostname", "desired state", desired.identity.hostname.as_deref(), &observed.hostname),
        (
            "machine id",
            "desired state",
            desired.identity.machine_id.as_deref(),
            &observed.machine_id,
        ),
    ];
    let mut unverified = None;
    for (what, by, wanted, found) in wanted {
        let Some(wanted) = wanted else { continue };
        match found {
            Ok(found) if found == wanted => {}
            Ok(found) => return Err(contradiction(what, (by, wanted), ("the machine", found))),
            Err(unknown) => unverified = Some(unknown.clone()),
        }
    }
    Ok(unverified)
}

/// Compares desired state, and the configuration's pin, with a database. The reason in `Ok` says what could not be verified.
///
/// # Errors
/// The first contradiction.
pub fn database(
    name: &str,
    wanted: &DatabaseIdentity,
    pinned: Option<&str>,
    observed: &ObservedDatabase,
) -> Result<Option<Unknown>, Contradiction> {
    let mut unverified = None;
    for (by, wanted) in [
        ("the host's configuration", pinned),
        ("desired state", wanted.system_identifier.as_deref()),
    ] {
        let Some(wanted) = wanted else { continue };
        match &observed.system_identifier {
            Ok(found) if found == wanted => {}
            Ok(found) => {
                let what = format!("system identifier of {name}");
                return Err(contradiction(&what, (by, wanted), ("the server", found)));
            }
            Err(unknown) => unverified = Some(unknown.clone()),
        }
    }
    if let Some(wanted) = wanted.name.as_deref()
        && wanted != observed.name
    {
        let what = format!("name of the database {name}");
        return Err(contradiction(
            &what,
            ("desired state", wanted),
            ("the server", &observed.name),
        ));
    }
    if let Some(wanted) = wanted.server_version.as_deref()
        && !is_version(wanted, &observed.server_version)
    {
        let what = format!("server version of {name}");
        return Err(contradiction(
            &what,
            ("desired state", wanted),
            ("the server", &observed.server_version),
        ));
    }
    Ok(unverified)
}

/// "16" means any 16; "16.13" means just that one.
fn is_version(wanted: &str, found: &str) -> bool {
    found == wanted || found.strip_prefix(wanted).is_some_and(|rest| rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Reason;

    fn observed(identifier: Result<String, Unknown>) -> ObservedDatabase {
        ObservedDatabase {
            system_identifier: identifier,
            name: "directus".into(),
            server_version: "16.13".into(),
        }
    }

    #[test]
    fn a_database_is_known_by_identifier_name_and_version() {
        let wanted = DatabaseIdentity {
            system_identifier: Some("761".into()),
            name: Some("directus".into()),
            server_version: Some("16".into()),
        };
        assert_eq!(database("d", &wanted, Some("761"), &observed(Ok("761".into()))), Ok(None));
        assert!(database("d", &wanted, Some("762"), &observed(Ok("761".into()))).is_err());
        assert!(database("d", &wanted, None, &observed(Ok("999".into()))).is_err());
        let blind = Unknown::new(Reason::PermissionDenied, "x");
        assert_eq!(database("d", &wanted, None, &observed(Err(blind.clone()))), Ok(Some(blind)));
        let other = DatabaseIdentity { server_version: Some("1".into()), ..wanted };
        assert!(
            database("d", &other, None, &observed(Ok("761".into()))).is_err(),
            "1 is not 16.13"
        );
    }
}
