//! The words of systemd for the states of a unit, as desired state writes them: one, or a list of those that are fine.

use std::marker::PhantomData;

use schemars::JsonSchema;
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::model::display::escape;
use crate::model::nearest;

/// A closed list of words.
pub(super) trait Vocabulary {
    /// What the words are about.
    const NAME: &'static str;
    const WORDS: &'static [&'static str];
}

macro_rules! vocabularies {
    ($($name:ident: $($word:literal)*;)*) => {
        $(
            #[derive(Debug)]
            pub(super) enum $name {}
            impl Vocabulary for $name {
                const NAME: &'static str = stringify!($name);
                const WORDS: &'static [&'static str] = &[$($word),*];
            }
        )*
    };
}

vocabularies! {
    Load: "loaded" "masked" "bad-setting" "error" "merged" "stub";
    Active: "active" "inactive" "failed" "activating" "deactivating" "reloading" "refreshing" "maintenance";
    Enabled: "enabled" "enabled-runtime" "disabled" "static" "masked" "masked-runtime" "linked" "linked-runtime"
        "indirect" "generated" "transient" "alias" "bad";
}

/// One word, or several of which one must hold.
#[derive(Debug)]
pub(super) struct Words<V> {
    words: Vec<&'static str>,
    vocabulary: PhantomData<V>,
}

impl<V> Words<V> {
    pub(super) fn has(&self, word: &str) -> bool {
        self.words.contains(&word)
    }

    pub(super) fn any(&self, test: impl Fn(&str) -> bool) -> bool {
        self.words.iter().any(|word| test(word))
    }

    /// As a difference shows them.
    pub(super) fn shown(&self) -> String {
        self.words.join(" or ")
    }
}

impl<'de, V: Vocabulary> Deserialize<'de> for Words<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OneOrMore(PhantomData))
    }
}

struct OneOrMore<V>(PhantomData<V>);

impl<'de, V: Vocabulary> Visitor<'de> for OneOrMore<V> {
    type Value = Words<V>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "one of {}, or a list of them", V::WORDS.join(", "))
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<Words<V>, E> {
        Ok(Words { words: vec![known::<V, E>(word)?], vocabulary: PhantomData })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Words<V>, A::Error> {
        let mut words = Vec::new();
        while let Some(word) = list.next_element::<String>()? {
            let word = known::<V, A::Error>(&word)?;
            if words.contains(&word) {
                return Err(Error::custom(format!("`{word}` is listed twice")));
            }
            words.push(word);
        }
        if words.is_empty() {
            return Err(Error::custom("an empty list, which nothing could meet"));
        }
        Ok(Words { words, vocabulary: PhantomData })
    }
}

fn known<V: Vocabulary, E: Error>(word: &str) -> Result<&'static str, E> {
    if let Some(known) = V::WORDS.iter().find(|known| **known == word) {
        return Ok(known);
    }
    let hint = match nearest(word, V::WORDS.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("it is one of {}", V::WORDS.join(", ")),
    };
    Err(E::custom(format!("systemd has no such state as `{}`; {hint}", escape(word))))
}

impl<V: Vocabulary> JsonSchema for Words<V> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("{}States", V::NAME).into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let word = schemars::json_schema!({ "type": "string", "enum": V::WORDS });
        schemars::json_schema!({
            "anyOf": [
                word.clone(),
                { "type": "array", "items": word, "minItems": 1, "uniqueItems": true }
            ]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Table {
        enabled: Words<Enabled>,
    }

    #[test]
    fn words_are_those_of_systemd() {
        let read = |toml: &str| toml::from_str::<Table>(toml).map(|t| t.enabled.shown());
        assert_eq!(read("enabled = 'static'").as_deref(), Ok("static"));
        assert_eq!(read("enabled = ['static', 'alias']").as_deref(), Ok("static or alias"));
        for (bad, said) in [
            ("enabled = true", "one of enabled,"),
            ("enabled = 'enabeld'", "did you mean `enabled`?"),
            ("enabled = []", "empty"),
            ("enabled = ['bad', 'bad']", "twice"),
        ] {
            let error = read(bad).expect_err(bad).to_string();
            assert!(error.contains(said), "{error}");
        }
    }
}
