//! TOML with places: parsed once, decoded table by table, every error reported with its bytes.

use super::Diagnostic;

/// A table of a document.
#[derive(Debug)]
pub struct Table<'a> {
    #[expect(dead_code, reason = "skeleton")]
    text: &'a str,
}

/// What decoding found.
pub type Decoded = Vec<Diagnostic>;

impl Table<'_> {
    /// Decodes the table.
    #[must_use]
    pub fn decode<T: serde::de::DeserializeOwned + schemars::JsonSchema>(
        &self,
    ) -> (Option<T>, Decoded) {
        (None, Vec::new())
    }
}
