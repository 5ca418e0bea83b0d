//! Names of what roles have: a membership, and a setting in a place, as people write them in desired state.
//!
//! Both read as the statement that makes them: `directus to cutter_exec` as `GRANT directus TO cutter_exec`, and
//! `work_mem for role cutter_ro` as `ALTER ROLE cutter_ro SET work_mem`. Roles are quoted as in SQL, so each has one spelling.

use std::fmt;

use super::relation::{identifier, spelled_so, written};

/// A role that is granted, and to whom.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct MembershipName {
    /// The role that is granted, unquoted.
    pub role: String,
    /// Who becomes its member, unquoted.
    pub member: String,
}

impl MembershipName {
    /// Reads `directus to cutter_exec`.
    ///
    /// # Errors
    /// A fragment that says what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let form = "a membership is named as `ROLE to MEMBER`; quote a name that SQL would quote";
        let (role, rest) = role(text)?;
        let member = whole_role(rest.strip_prefix(" to ").ok_or(form)?)?;
        spelled_so(Self { role, member }, text)
    }
}

/// A setting that is written down in a place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SettingName {
    /// The setting, in lower case.
    pub setting: String,
    /// Where it is written down.
    pub place: SettingPlace,
}

/// Where a cluster keeps settings, from the weakest place to the strongest.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum SettingPlace {
    /// What `ALTER SYSTEM` wrote: `server`.
    Server,
    /// `ALTER ROLE ALL`: `all roles`.
    AllRoles,
    /// `ALTER DATABASE`, of the database that is asked: `database`.
    Database,
    /// `ALTER ROLE`: `role NAME`.
    Role(String),
    /// `ALTER ROLE … IN DATABASE`, of the database that is asked: `role NAME in database`.
    RoleInDatabase(String),
}

/// What stands between a setting and its place.
const FOR: &str = " for ";

impl SettingName {
    /// Reads `work_mem for role cutter_ro`.
    ///
    /// # Errors
    /// A fragment that says what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let form = "a setting is named as `SETTING for PLACE`, the place being `role NAME`, `role NAME in database`, \
                    `database`, `all roles` or `server`";
        // A quoted role and an odd setting may hold the word as well: the first that is followed by a place divides.
        let (setting, place) = text
            .match_indices(FOR)
            .find_map(|(at, _)| Some((&text[..at], SettingPlace::parse(&text[at + FOR.len()..])?)))
            .ok_or(form)?;
        let setting = setting.to_owned();
        if setting.is_empty() || setting.contains(['=', '\0']) {
            return Err(form.to_owned());
        }
        if setting.to_lowercase() != setting {
            return Err(format!(
                "a setting is written in lower case: `{}`",
                setting.to_lowercase()
            ));
        }
        spelled_so(Self { setting, place }, text)
    }
}

impl SettingPlace {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "server" => return Some(Self::Server),
            "all roles" => return Some(Self::AllRoles),
            "database" => return Some(Self::Database),
            _ => {}
        }
        let (name, rest) = role(text.strip_prefix("role ")?).ok()?;
        match rest {
            "" => Some(Self::Role(name)),
            " in database" => Some(Self::RoleInDatabase(name)),
            _ => None,
        }
    }
}

/// A role and what follows it.
fn role(text: &str) -> Result<(String, &str), String> {
    if text.starts_with('"') {
        return identifier(text);
    }
    let (name, rest) = text.split_at(text.find(' ').unwrap_or(text.len()));
    Ok((whole_role(name)?, rest))
}

fn whole_role(text: &str) -> Result<String, String> {
    match identifier(text)? {
        (name, "") => Ok(name),
        (_, rest) => Err(format!("`{rest}` stands behind the name of a role")),
    }
}

impl fmt::Display for MembershipName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", written(&self.role), written(&self.member))
    }
}

impl fmt::Display for SettingName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{FOR}{}", self.setting, self.place)
    }
}

impl fmt::Display for SettingPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server => f.write_str("server"),
            Self::AllRoles => f.write_str("all roles"),
            Self::Database => f.write_str("database"),
            Self::Role(name) => write!(f, "role {}", written(name)),
            Self::RoleInDatabase(name) => write!(f, "role {} in database", written(name)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_membership_has_one_spelling() {
        let name = MembershipName::parse("directus to cutter_exec").expect("two roles");
        assert_eq!((name.role.as_str(), name.member.as_str()), ("directus", "cutter_exec"));
        let odd = r#""a to b" to "C""""#;
        let name = MembershipName::parse(odd).expect("quoted");
        assert_eq!((name.role.as_str(), name.member.as_str()), ("a to b", "C\""));
        assert_eq!(name.to_string(), odd);
        for bad in
            ["a", "a to ", "a to b to c", "A to b", "\"a\" to b", "a  to b", " to b", "a.b to c"]
        {
            assert!(MembershipName::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_setting_stands_in_one_of_five_places() {
        for (text, place) in [
            ("work_mem for server", SettingPlace::Server),
            ("work_mem for all roles", SettingPlace::AllRoles),
            ("work_mem for database", SettingPlace::Database),
            ("work_mem for role r", SettingPlace::Role("r".into())),
            ("work_mem for role r in database", SettingPlace::RoleInDatabase("r".into())),
            (
                "work_mem for role \"for role x\" in database",
                SettingPlace::RoleInDatabase("for role x".into()),
            ),
        ] {
            let name = SettingName::parse(text).expect(text);
            assert_eq!((name.setting.as_str(), &name.place), ("work_mem", &place), "{text}");
            assert_eq!(name.to_string(), text);
        }
        let odd = SettingName::parse("x for y for role r").expect("an odd setting");
        assert_eq!(odd.setting, "x for y");
        for bad in [
            "work_mem",
            " for server",
            "Work_mem for server",
            "a=b for server",
            "x for role",
            "x for role R",
            "x for role r in db",
            "x for role r s",
        ] {
            assert!(SettingName::parse(bad).is_err(), "{bad}");
        }
    }
}
