//! A parameter of a contract: its type, and its text or a number that is new in every run.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::Digest;

/// The longest text of one parameter, in bytes.
const TEXT_BYTES_MAX: usize = 16 << 10;

/// One parameter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// The type that the server reads it as.
    #[serde(rename = "type")]
    pub kind: ParameterType,
    /// Its text, as PostgreSQL reads it for that type; NULL without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Is it new in every run? A text gets random letters behind it, a uuid is random, and a number is random and below 0, so that no
    /// row of production is met.
    #[serde(default)]
    pub nonce: bool,
}

/// The types of parameters, by the names that PostgreSQL prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ParameterType {
    /// `text`
    #[serde(rename = "text")]
    Text,
    /// `uuid`
    #[serde(rename = "uuid")]
    Uuid,
    /// `integer`
    #[serde(rename = "integer")]
    Integer,
    /// `bigint`
    #[serde(rename = "bigint")]
    Bigint,
    /// `numeric`
    #[serde(rename = "numeric")]
    Numeric,
    /// `boolean`
    #[serde(rename = "boolean")]
    Boolean,
    /// `date`
    #[serde(rename = "date")]
    Date,
    /// `timestamp with time zone`
    #[serde(rename = "timestamp with time zone")]
    Timestamp,
    /// `jsonb`
    #[serde(rename = "jsonb")]
    Jsonb,
    /// `bytea`
    #[serde(rename = "bytea")]
    Bytea,
    /// `text[]`
    #[serde(rename = "text[]")]
    Texts,
}

impl ParameterType {
    /// Its name as SQL.
    #[must_use]
    pub const fn sql(self) -> &'static str {
        match self {
            Self::Text => "pg_catalog.text",
            Self::Uuid => "pg_catalog.uuid",
            Self::Integer => "pg_catalog.int4",
            Self::Bigint => "pg_catalog.int8",
            Self::Numeric => "pg_catalog.numeric",
            Self::Boolean => "pg_catalog.bool",
            Self::Date => "pg_catalog.date",
            Self::Timestamp => "pg_catalog.timestamptz",
            Self::Jsonb => "pg_catalog.jsonb",
            Self::Bytea => "pg_catalog.bytea",
            Self::Texts => "pg_catalog.text[]",
        }
    }
}

impl Parameter {
    /// What is wrong with it.
    pub(super) fn check(&self) -> Result<(), String> {
        let value = self.value.as_deref();
        if value.is_some_and(|value| value.len() > TEXT_BYTES_MAX || value.contains('\0')) {
            return Err(format!("a value has at most {TEXT_BYTES_MAX} bytes, none of them zero"));
        }
        match (self.nonce, self.kind) {
            (false, _) | (true, ParameterType::Text) => Ok(()),
            (true, ParameterType::Uuid | ParameterType::Integer | ParameterType::Bigint) => {
                match value {
                    None => Ok(()),
                    Some(_) => Err("only a text has a `value` before its nonce".to_owned()),
                }
            }
            (true, _) => Err("`nonce` goes with text, uuid, integer and bigint".to_owned()),
        }
    }

    /// Its text in the run of this nonce; `None` is NULL.
    #[must_use]
    pub fn text(&self, nonce: &str) -> Option<String> {
        if !self.nonce {
            return self.value.clone();
        }
        let hex = Digest::of(nonce.as_bytes()).to_string();
        Some(match self.kind {
            ParameterType::Uuid => hex[..32].to_owned(),
            // 28 bits, below 0.
            ParameterType::Integer | ParameterType::Bigint => {
                format!("-{}", 1 + u32::from_str_radix(&hex[..7], 16).unwrap_or_default())
            }
            _ => format!("{}{nonce}", self.value.as_deref().unwrap_or_default()),
        })
    }
}
