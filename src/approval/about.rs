//! What approval needs to know of a plan, and the one line that says what the plan does.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;

use crate::action::Action;
use crate::model::display::{escape, escaped_line as cut};
use crate::model::{Digest, Timestamp};
use crate::plan::Plan;

/// How many targets a summary names.
const TARGETS_SHOWN: usize = 4;

/// A plan as approval sees it.
#[derive(Debug, Clone)]
pub struct About {
    /// SHA-256 of its bytes.
    pub plan: Digest,
    /// Its own name.
    pub plan_id: String,
    /// The id of the host that it is for.
    pub host: String,
    /// The commit of desired state, in full.
    pub commit: String,
    /// Its steps, in order.
    pub steps: Vec<Step>,
    /// Who signed the commits that it follows from.
    pub authors: Authors,
    /// Until when it may be applied.
    pub valid_until: Timestamp,
}

/// A step as approval sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The name of its action.
    pub action: String,
    /// Everything that it touches; never empty.
    pub targets: Vec<Target>,
}

/// Something that a step touches.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// A path, as the host sees it.
    Path(PathBuf),
    /// A database, by the name that desired state gives it.
    Database(String),
    /// A unit of systemd.
    Unit(String),
}

/// Who signed the commits since the last applied plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authors {
    /// Each of them is signed by one of these.
    Known(BTreeSet<String>),
    /// Of one of them it cannot be told; why.
    Unknown(String),
}

impl About {
    /// The plan with this digest, as approval sees it.
    #[must_use]
    pub fn of(plan: &Plan, digest: Digest, authors: Authors) -> Self {
        Self {
            plan: digest,
            plan_id: plan.id.clone(),
            host: format!("sha256:{}", plan.host.id),
            commit: plan.source.commit.clone(),
            steps: plan.steps.iter().map(|step| Step::of(&step.action)).collect(),
            authors,
            valid_until: plan.valid_until,
        }
    }

    /// What it does in one line, as statements quote it: `3 steps: 2 create_directory, 1 write_file; touches /srv/a, …`.
    /// The approver's machine and the host compute it each for itself.
    #[must_use]
    pub fn summary(&self) -> String {
        let mut actions: Vec<(&str, usize)> = Vec::new();
        for step in &self.steps {
            match actions.iter_mut().find(|(name, _)| *name == step.action) {
                Some((_, count)) => *count += 1,
                None => actions.push((&step.action, 1)),
            }
        }
        let counted: Vec<String> =
            actions.iter().map(|(name, count)| format!("{count} {}", escape(name))).collect();
        let targets: BTreeSet<&Target> = self.steps.iter().flat_map(|step| &step.targets).collect();
        let mut shown: Vec<String> =
            targets.iter().take(TARGETS_SHOWN).map(|one| cut(&one.to_string(), 200)).collect();
        if targets.len() > TARGETS_SHOWN {
            shown.push(format!("and {} more", targets.len() - TARGETS_SHOWN));
        }
        let count = self.steps.len();
        let steps = if count == 1 { "step" } else { "steps" };
        let (counted, shown) = (counted.join(", "), shown.join(", "));
        format!("{count} {steps}: {counted}; touches {shown}")
    }
}

impl Step {
    fn of(action: &Action) -> Self {
        let path = action.path().map(|path| Target::Path(path.into()));
        let database = action.database().map(|name| Target::Database(name.to_owned()));
        let unit = action.unit().map(|name| Target::Unit(name.to_owned()));
        let targets = path.into_iter().chain(database).chain(unit).collect();
        Self { action: action.name().to_owned(), targets }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => f.write_str(&crate::model::shown_path(path)),
            Self::Database(name) => write!(f, "database {}", escape(name)),
            Self::Unit(name) => write!(f, "unit {}", escape(name)),
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let targets: Vec<String> = self.targets.iter().map(ToString::to_string).collect();
        write!(f, "{} {}", escape(&self.action), targets.join(", "))
    }
}
