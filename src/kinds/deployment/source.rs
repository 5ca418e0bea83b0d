//! How a deployed commit stands to a commit of a repository on the host.

use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kinds::{Problem, commit, path};
use crate::model::display::escape;
use crate::model::{Code, Reason, Unknown};
use crate::probe::git::{Distance, Repository, is_reference};
use crate::probe::host::{Host, Links};

/// Where a deployed commit comes from.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "DeploymentSource")]
pub(in crate::kinds) struct Source {
    /// A repository on the host, as an absolute path. Nothing is fetched.
    repository: String,
    /// The full name of a reference there, such as `refs/heads/main`.
    #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
    /// A commit there, in the place of `ref`: 7 to 64 hex digits from its beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    commit: Option<String>,
}

/// How the deployed commit stands to the other one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "DeploymentRelation")]
pub(in crate::kinds) enum Relation {
    /// They are the same.
    #[default]
    Equal,
    /// The source has commits that were not deployed.
    Behind,
    /// The deployed commit has commits that the source has not.
    Ahead,
    /// Both have commits that the other has not.
    Diverged,
}

impl Relation {
    pub(super) fn of(distance: Distance) -> Self {
        match (distance.ahead, distance.behind) {
            (0, 0) => Self::Equal,
            (0, _) => Self::Behind,
            (_, 0) => Self::Ahead,
            _ => Self::Diverged,
        }
    }

    /// Its name in desired state.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Equal => "equal",
            Self::Behind => "behind",
            Self::Ahead => "ahead",
            Self::Diverged => "diverged",
        }
    }
}

impl Source {
    pub(super) fn check(&self, problems: &mut Vec<Problem>) {
        path::check_key("source", &self.repository, problems);
        let mut refuse = |code, message: String| {
            problems.push(Problem::key("source", code, message));
        };
        match (&self.reference, &self.commit) {
            (None, None) => {
                let message = "`source` names no commit to compare with: add `ref` or `commit`";
                refuse(Code::Empty, message.into());
            }
            (Some(_), Some(_)) => {
                refuse(Code::Contradiction, "`commit` cannot stand beside `ref`".into());
            }
            (Some(name), None) if !is_reference(name) => {
                let message = "`ref` is the full name of a reference, such as `refs/heads/main`";
                refuse(Code::WrongType, message.into());
            }
            (None, Some(commit)) if !commit::is_prefix(commit) => {
                refuse(Code::WrongType, format!("`commit`: {}", commit::PREFIX_FORM));
            }
            _ => {}
        }
    }

    /// The reference or the commit that is compared with.
    pub(super) fn name(&self) -> &str {
        self.reference.as_deref().or(self.commit.as_deref()).unwrap_or_default()
    }

    /// How a commit that was deployed stands to the one that is named here.
    pub(super) fn look(
        &self,
        host: &Host,
        links: Links,
        deployed: &str,
        may_show: bool,
    ) -> Result<Distance, Unknown> {
        let place = escape(&self.repository);
        let undecidable =
            |what: String| Unknown::new(Reason::Undecidable, format!("`{place}`: {what}"));
        if !commit::is_prefix(deployed) {
            let detail = format!("what was deployed: {}", commit::PREFIX_FORM);
            return Err(Unknown::new(Reason::Malformed, detail));
        }
        let repository = Repository::find(host, Path::new(&self.repository), links)?
            .ok_or_else(|| undecidable("there is no repository to compare with".into()))?;
        let theirs = match (&self.reference, &self.commit) {
            (Some(name), _) => repository.commit_at(host, name)?,
            (None, Some(commit)) => repository.commit_named(host, commit)?,
            (None, None) => None,
        };
        let theirs = theirs.ok_or_else(|| {
            undecidable(format!("it does not know {}", commit::said(self.name())))
        })?;
        if theirs.eq_ignore_ascii_case(deployed) {
            return Ok(Distance { ahead: 0, behind: 0 });
        }
        let ours = repository.commit_named(host, deployed)?.ok_or_else(|| {
            let shown =
                if may_show { format!(" {}", commit::short(deployed)) } else { String::new() };
            undecidable(format!("it does not know the deployed commit{shown}"))
        })?;
        repository.distance(host, &ours, &theirs)
    }
}
