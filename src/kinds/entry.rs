//! A kind with its types erased: what the rest of the program works with.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use serde::Deserialize as _;
use serde_json::Value;

use super::{Adopted, Adoption, Answers, Files, Kind, Named, Problem, no_answer};
use crate::action::{Mended, Needs, Surroundings};
use crate::model::document::{Decoded, Table};
use crate::model::{Comparison, Reason, Unknown};
use crate::probe::World;

/// Stored answers, by name.
pub type Stored = Answers<Value>;
type Decode = fn(&Table<'_>) -> (Option<Box<dyn Preparing>>, Decoded);
type Read = fn(Value) -> Result<Box<dyn Preparing>, serde_json::Error>;
type Observe = for<'a> fn(&'a World, &'a [(String, Arc<dyn Spec>)]) -> Asked<'a>;
type Adopt = for<'a> fn(&'a World, &'a str) -> Adopting<'a>;
type Adopting<'a> = Pin<Box<dyn Future<Output = Result<Adopted, Unknown>> + Send + 'a>>;
type Asked<'a> = Pin<Box<dyn Future<Output = Stored> + Send + 'a>>;

/// A specification of any kind.
pub trait Spec: Debug + Send + Sync {
    /// See [`Kind::database`].
    fn database(&self) -> Option<&str>;
    /// See [`Kind::question`].
    fn question(&self, name: &str) -> Value;
    /// See [`Kind::pinned`].
    fn pinned(&self) -> Option<Value>;
    /// Compares with a stored answer.
    ///
    /// # Errors
    /// A stored answer that is none of this kind is Unknown.
    fn diff(&self, name: &str, observed: &Value) -> Result<Comparison, Unknown>;
    /// See [`Kind::lives_in`].
    fn lives_in(&self, name: &str) -> Vec<String>;
    /// See [`Kind::needs`].
    fn needs(&self, name: &str) -> Needs;
    /// See [`Kind::remedy`].
    ///
    /// # Errors
    /// When it cannot be told what would have to change, or the stored answer is none of this kind.
    fn remedy(&self, name: &str, observed: &Value, around: &Surroundings) -> Mended;
    /// See [`Kind::brings`].
    fn brings(&self, name: &str, observed: &Value) -> Option<String>;
    /// See [`Kind::content`].
    fn content(&self) -> Option<&Arc<[u8]>>;
    /// For the kind to find its own type again.
    fn as_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync>;
}

impl<K: Kind> Spec for K {
    fn database(&self) -> Option<&str> {
        Kind::database(self)
    }
    fn question(&self, name: &str) -> Value {
        Kind::question(self, name)
    }
    fn pinned(&self) -> Option<Value> {
        Kind::pinned(self)
    }
    fn diff(&self, name: &str, observed: &Value) -> Result<Comparison, Unknown> {
        Ok(Kind::diff(self, name, &stored::<K>(observed)?))
    }
    fn lives_in(&self, name: &str) -> Vec<String> {
        Kind::lives_in(self, name)
    }
    fn needs(&self, name: &str) -> Needs {
        Kind::needs(self, name)
    }
    fn remedy(&self, name: &str, observed: &Value, around: &Surroundings) -> Mended {
        Kind::remedy(self, name, &stored::<K>(observed)?, around)
    }
    fn brings(&self, name: &str, observed: &Value) -> Option<String> {
        Kind::brings(self, name, &stored::<K>(observed).ok()?)
    }
    fn content(&self) -> Option<&Arc<[u8]>> {
        Kind::content(self)
    }
    fn as_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}

fn stored<K: Kind>(observed: &Value) -> Result<K::Observed, Unknown> {
    K::Observed::deserialize(observed)
        .map_err(|e| Unknown::new(Reason::Malformed, format!("stored answer: {e}")))
}

/// One line of [`super::KINDS`].
pub struct Entry {
    name: &'static str,
    about: &'static str,
    doc: &'static str,
    example: &'static str,
    schema: fn() -> schemars::Schema,
    decode: Decode,
    read: Read,
    observe: Observe,
    in_database: bool,
    past_snapshot: bool,
    adoption: Option<Adoption>,
    adopt: Adopt,
}

/// A freshly decoded specification, before it was completed and checked.
pub trait Preparing {
    /// See [`Kind::prepare`].
    fn prepare(
        self: Box<Self>,
        name: &str,
        files: &dyn Files,
        problems: &mut Vec<Problem>,
    ) -> Arc<dyn Spec>;
}

impl<K: Kind> Preparing for K {
    fn prepare(
        mut self: Box<Self>,
        name: &str,
        files: &dyn Files,
        problems: &mut Vec<Problem>,
    ) -> Arc<dyn Spec> {
        Kind::prepare(&mut *self, name, files, problems);
        let spec: Arc<K> = Arc::from(self);
        spec
    }
}

impl Entry {
    /// The line of kind `K`.
    #[must_use]
    pub const fn of<K: Kind>() -> Self {
        Self {
            name: K::NAME,
            about: K::ABOUT,
            doc: K::DOC,
            example: K::EXAMPLE,
            schema: || schemars::schema_for!(K),
            decode: |table| {
                let (spec, decoded) = table.decode::<K>();
                (spec.map(|spec| Box::new(spec) as Box<dyn Preparing>), decoded)
            },
            read: |table| Ok(Box::new(serde_json::from_value::<K>(table)?)),
            observe: |world, wanted| Box::pin(observe::<K>(world, wanted)),
            in_database: K::IN_DATABASE,
            past_snapshot: K::PAST_SNAPSHOT,
            adoption: K::ADOPT,
            adopt: |world, asked| Box::pin(K::adopt(world, asked)),
        }
    }

    /// See [`Kind::NAME`].
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }
    /// See [`Kind::ABOUT`].
    #[must_use]
    pub const fn about(&self) -> &'static str {
        self.about
    }
    /// See [`Kind::DOC`].
    #[must_use]
    pub const fn doc(&self) -> &'static str {
        self.doc
    }
    /// See [`Kind::EXAMPLE`].
    #[must_use]
    pub const fn example(&self) -> &'static str {
        self.example
    }
    /// The JSON Schema of its table's own keys.
    #[must_use]
    pub fn schema(&self) -> schemars::Schema {
        (self.schema)()
    }
    /// Decodes a table; every error that its keys have is in the second part.
    #[must_use]
    pub fn decode(&self, table: &Table<'_>) -> (Option<Box<dyn Preparing>>, Decoded) {
        (self.decode)(table)
    }
    /// Reads a table's own keys from JSON, without places for errors.
    ///
    /// # Errors
    /// The first key that is wrong.
    pub fn read(&self, table: Value) -> Result<Box<dyn Preparing>, serde_json::Error> {
        (self.read)(table)
    }
    /// Asks the world about all of them. A name that got no answer says so.
    pub async fn observe(&self, world: &World, wanted: &[(String, Arc<dyn Spec>)]) -> Stored {
        let mut answers = (self.observe)(world, wanted).await;
        let mut kept = BTreeMap::new();
        for (name, _) in wanted {
            let answer = answers.remove(name).unwrap_or_else(|| Err(no_answer()));
            kept.insert(name.clone(), answer);
        }
        kept
    }
}

impl Entry {
    /// See [`Kind::IN_DATABASE`].
    #[must_use]
    pub const fn in_database(&self) -> bool {
        self.in_database
    }
    /// See [`Kind::PAST_SNAPSHOT`].
    #[must_use]
    pub const fn past_snapshot(&self) -> bool {
        self.past_snapshot
    }
    /// See [`Kind::ADOPT`].
    #[must_use]
    pub const fn adoption(&self) -> Option<Adoption> {
        self.adoption
    }
    /// See [`Kind::adopt`].
    ///
    /// # Errors
    /// Why nothing at all could be written down.
    pub async fn adopt(&self, world: &World, asked: &str) -> Result<Adopted, Unknown> {
        (self.adopt)(world, asked).await
    }
}

impl Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Entry").field(&self.name).finish()
    }
}

async fn observe<K: Kind>(world: &World, wanted: &[(String, Arc<dyn Spec>)]) -> Stored {
    let named: Vec<Named<K>> = wanted
        .iter()
        .filter_map(|(name, spec)| {
            let spec = Arc::clone(spec).as_any().downcast::<K>().ok()?;
            Some(Named { name: name.clone(), spec })
        })
        .collect();
    let answers = K::observe_all(world, &named).await;
    answers.into_iter().map(|(name, answer)| (name, answer.and_then(store))).collect()
}

fn store<T: serde::Serialize>(observed: T) -> Result<Value, Unknown> {
    serde_json::to_value(observed).map_err(|e| {
        Unknown::new(Reason::Malformed, format!("an observation cannot be stored: {e}"))
    })
}
