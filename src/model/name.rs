//! Names of resources: `kind.name`, as in `directory./var/lib/cutter`.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

/// The identity of a resource: its kind, and its name within that kind.
///
/// A kind has no dot in its name, so the first dot of the written form divides the two.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceName {
    /// The kind, such as `directory`.
    pub kind: String,
    /// The key of its table, such as `/var/lib/cutter`.
    pub name: String,
}

impl ResourceName {
    /// Puts a kind and a name together.
    pub fn new(kind: impl Into<String>, name: impl Into<String>) -> Self {
        Self { kind: kind.into(), name: name.into() }
    }

    /// Reads the written form; `None` when there is no dot, or nothing on one side of it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, name) = text.split_once('.')?;
        (!kind.is_empty() && !name.is_empty()).then(|| Self::new(kind, name))
    }
}

impl fmt::Display for ResourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.kind, self.name)
    }
}

impl Serialize for ResourceName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ResourceName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("expected KIND.NAME"))
    }
}

impl schemars::JsonSchema for ResourceName {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ResourceName".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^[^.]+\\..+$" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_dot_divides() {
        let name = ResourceName::parse("row_count.public.information_unit").expect("has a dot");
        assert_eq!(
            (name.kind.as_str(), name.name.as_str()),
            ("row_count", "public.information_unit")
        );
        assert_eq!(name.to_string(), "row_count.public.information_unit");
        assert_eq!(ResourceName::parse("nodot"), None);
        assert_eq!(ResourceName::parse(".x"), None);
    }
}
