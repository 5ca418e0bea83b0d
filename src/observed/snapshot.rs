//! A snapshot: answers by resource, each with the question that it answers.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::kinds::{Entry, Spec};
use crate::model::{Reason, ResourceName, Timestamp, Unknown};

/// One resource to ask the world about.
#[derive(Debug, Clone)]
pub struct Question {
    /// Which resource.
    pub name: ResourceName,
    /// Its kind.
    pub kind: &'static Entry,
    /// What its table says.
    pub spec: Arc<dyn Spec>,
}

impl Question {
    /// What of it decides the answer, besides the name.
    #[must_use]
    pub fn text(&self) -> Value {
        self.spec.question(&self.name.name)
    }
}

/// A stored answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The question, as [`Question::text`] gave it.
    pub question: Value,
    /// What was seen, or why nothing could be.
    pub seen: Result<Value, Unknown>,
}

/// Answers to the questions of one look at one host.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// When the look ended.
    pub observed_at: Timestamp,
    /// The answers. A resource may have more than one, for different questions.
    pub answers: BTreeMap<ResourceName, Vec<Answer>>,
}

impl Snapshot {
    /// A snapshot without answers.
    #[must_use]
    pub const fn empty(observed_at: Timestamp) -> Self {
        Self { observed_at, answers: BTreeMap::new() }
    }

    /// The answer to exactly this question.
    ///
    /// # Errors
    /// The reason why there is none; a question that was never put is `not_recorded`.
    pub fn answer(&self, question: &Question) -> Result<&Value, Unknown> {
        self.answer_about(&question.name, &*question.spec)
    }

    /// The same about a resource of this name and specification.
    ///
    /// # Errors
    /// As for [`Snapshot::answer`].
    pub fn answer_about(&self, name: &ResourceName, spec: &dyn Spec) -> Result<&Value, Unknown> {
        let Some(answers) = self.answers.get(name) else {
            return Err(Unknown::new(Reason::NotRecorded, "this resource was not asked about"));
        };
        let text = spec.question(&name.name);
        match answers.iter().find(|answer| answer.question == text) {
            Some(Answer { seen: Ok(seen), .. }) => Ok(seen),
            Some(Answer { seen: Err(unknown), .. }) => Err(unknown.clone()),
            None => Err(Unknown::new(Reason::NotRecorded, "another question was asked about it")),
        }
    }

    /// Does it hold an answer, or a reason, for exactly this question?
    #[must_use]
    pub fn holds(&self, question: &Question) -> bool {
        let text = question.text();
        self.answers
            .get(&question.name)
            .is_some_and(|answers| answers.iter().any(|a| a.question == text))
    }

    /// Adds an answer.
    pub fn add(&mut self, name: ResourceName, answer: Answer) {
        self.answers.entry(name).or_default().push(answer);
    }
}
