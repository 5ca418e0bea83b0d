//! What is looked at by itself: the host, each of its databases, and the source of desired state.
//!
//! Each has its own rhythm, deadline and backoff, so that a sick one delays no other.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One key of the schedule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// Where desired state comes from.
    Source,
    /// The host: every resource that is not asked of a database.
    Host,
    /// A database, by its name in desired state.
    Database(String),
}

impl Target {
    /// The target of a resource, by the database that it is asked of.
    #[must_use]
    pub fn of(database: Option<&str>) -> Self {
        database.map_or(Self::Host, |name| Self::Database(name.to_owned()))
    }

    /// Reads the written form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "source" => Some(Self::Source),
            "host" => Some(Self::Host),
            _ => {
                let name = text.strip_prefix("database.").filter(|name| !name.is_empty())?;
                Some(Self::Database(name.to_owned()))
            }
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Source => f.write_str("source"),
            Self::Host => f.write_str("host"),
            Self::Database(name) => write!(f, "database.{name}"),
        }
    }
}

impl Serialize for Target {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Target {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text)
            .ok_or_else(|| serde::de::Error::custom("expected `source`, `host` or `database.NAME`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_written_form_reads_back() {
        for target in [Target::Source, Target::Host, Target::Database("a.b".to_owned())] {
            assert_eq!(Target::parse(&target.to_string()), Some(target));
        }
        assert_eq!(Target::of(None), Target::Host);
        for wrong in ["", "database.", "hosts", "database"] {
            assert_eq!(Target::parse(wrong), None, "{wrong}");
        }
    }
}
