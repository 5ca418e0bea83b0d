//! Which resources are meant: one by its name, or all whose names match a pattern.

use globset::{Glob, GlobMatcher};

use crate::model::ResourceName;

/// One resource, or a pattern over `KIND.NAME` in which `*` stands for any characters.
#[derive(Debug, Clone)]
pub struct Selector {
    text: String,
    /// Absent for the one resource of exactly that name, whose characters are no pattern.
    pattern: Option<GlobMatcher>,
}

impl Selector {
    /// The one resource of that name.
    #[must_use]
    pub fn exactly(name: &ResourceName) -> Self {
        Self { text: name.to_string(), pattern: None }
    }

    /// Those that a pattern matches.
    ///
    /// # Errors
    /// Where it is no pattern.
    pub fn parse(text: &str) -> Result<Self, globset::Error> {
        let pattern = Some(Glob::new(text)?.compile_matcher());
        Ok(Self { text: text.to_owned(), pattern })
    }

    /// Is this resource meant?
    #[must_use]
    pub fn reaches(&self, name: &ResourceName) -> bool {
        let name = name.to_string();
        name == self.text || self.pattern.as_ref().is_some_and(|pattern| pattern.is_match(name))
    }

    /// As it is written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_no_pattern_and_a_pattern_is_one() {
        let name = |text| ResourceName::parse(text).expect("a name");
        let one = Selector::exactly(&name("container.*cutter*"));
        assert!(one.reaches(&name("container.*cutter*")));
        assert!(!one.reaches(&name("container.my-cutter")));
        let many = Selector::parse("directory./srv/*").expect("a pattern");
        assert!(many.reaches(&name("directory./srv/a/b")));
        assert!(!many.reaches(&name("file./srv/a")));
        assert!(Selector::parse("a[").is_err());
        let brackets = Selector::parse("query.[ab]").expect("a pattern");
        assert!(brackets.reaches(&name("query.[ab]")) && brackets.reaches(&name("query.a")));
    }
}
