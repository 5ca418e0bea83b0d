//! Names of units: their type, template and instance, as systemd takes them apart.

/// The types of units, by the end of their names.
const SUFFIXES: &[&str] = &[
    "service",
    "timer",
    "socket",
    "target",
    "path",
    "mount",
    "automount",
    "swap",
    "slice",
    "scope",
    "device",
];
/// As systemd has it, with the byte that ends a text in C.
const BYTES_MAX: usize = 255;

/// A unit's name, taken apart: `PREFIX.TYPE`, `PREFIX@.TYPE` for a template, `PREFIX@INSTANCE.TYPE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnitName<'a> {
    /// The whole name.
    pub whole: &'a str,
    /// What stands before `@`, or before the type.
    pub prefix: &'a str,
    /// What stands after `@`: empty for a template, `None` for a plain unit.
    pub instance: Option<&'a str>,
    /// Its type, without the dot.
    pub suffix: &'a str,
}

/// Is this the type of a unit?
#[must_use]
pub fn is_suffix(suffix: &str) -> bool {
    SUFFIXES.contains(&suffix)
}

/// Every type, for a message.
#[must_use]
pub fn suffixes() -> String {
    SUFFIXES.iter().map(|suffix| format!(".{suffix}")).collect::<Vec<_>>().join(", ")
}

impl<'a> UnitName<'a> {
    /// Takes a name apart; `None` for what systemd would not take as one.
    #[must_use]
    pub fn parse(whole: &'a str) -> Option<Self> {
        let (stem, suffix) = whole.rsplit_once('.')?;
        let plain = |c: u8| c.is_ascii_alphanumeric() || b":-_.\\".contains(&c);
        let (prefix, instance) = match stem.split_once('@') {
            Some((prefix, instance)) => (prefix, Some(instance)),
            None => (stem, None),
        };
        let usable = whole.len() <= BYTES_MAX
            && is_suffix(suffix)
            && !prefix.is_empty()
            && prefix.bytes().all(plain)
            && instance.is_none_or(|i| i.bytes().all(|c| plain(c) || c == b'@'));
        usable.then_some(Self { whole, prefix, instance, suffix })
    }

    /// Is this a template, from which instances are made and which itself never runs?
    #[must_use]
    pub fn is_template(&self) -> bool {
        self.instance == Some("")
    }

    /// The template of an instance.
    pub(super) fn template(&self) -> Option<String> {
        self.instance
            .filter(|instance| !instance.is_empty())
            .map(|_| format!("{}@.{}", self.prefix, self.suffix))
    }

    /// The name with another prefix: of an instance another instance, of a template a plain unit.
    pub(super) fn with_prefix(&self, prefix: &str) -> String {
        match self.instance.filter(|instance| !instance.is_empty()) {
            Some(instance) => format!("{prefix}@{instance}.{}", self.suffix),
            None => format!("{prefix}.{}", self.suffix),
        }
    }

    /// The name of another instance.
    pub(super) fn with_instance(&self, instance: &str) -> String {
        format!("{}@{instance}.{}", self.prefix, self.suffix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart() {
        let parts = |name| UnitName::parse(name).map(|n| (n.prefix, n.instance, n.suffix));
        assert_eq!(parts("a.service"), Some(("a", None, "service")));
        assert_eq!(parts("a.b@.timer"), Some(("a.b", Some(""), "timer")));
        assert_eq!(parts("a@x@y.b.socket"), Some(("a", Some("x@y.b"), "socket")));
        assert_eq!(
            parts("dev-disk-by\\x2duuid.swap"),
            Some(("dev-disk-by\\x2duuid", None, "swap"))
        );
        for bad in [
            "a",
            "a.conf",
            ".service",
            "@x.service",
            "a b.service",
            "a/b.service",
            "ä.service",
            "-.mount\n",
        ] {
            assert_eq!(parts(bad), None, "{bad}");
        }
        assert_eq!(parts(&format!("{}.service", "a".repeat(248))), None);
        assert!(UnitName::parse(&format!("{}.service", "a".repeat(247))).is_some());
    }

    #[test]
    fn templates_and_prefixes() {
        let name = UnitName::parse("a-b@x.service").expect("a name");
        assert_eq!(name.template().as_deref(), Some("a-b@.service"));
        assert_eq!(name.with_prefix("a-"), "a-@x.service");
        assert_eq!(name.with_instance("y"), "a-b@y.service");
        assert!(!name.is_template() && UnitName::parse("a@.path").is_some_and(|n| n.is_template()));
    }
}
