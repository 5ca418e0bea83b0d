//! How a deployed commit stands to a commit of a repository on the host.

use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kinds::Problem;
use crate::kinds::path::absolute;
use crate::model::display::{escape, one_line};
use crate::model::{Code, Reason, Unknown};
use crate::probe::git::{Repository, is_object_id, is_reference};
use crate::probe::host::{Host, Links};

/// A beginning of a commit that is shorter may soon mean two commits.
const PREFIX_MIN: usize = 7;
const PREFIX_MAX: usize = 64;
/// How many digits of a commit are shown.
const SHORT: usize = 12;
/// No more of a name is shown.
const WIDTH_MAX: usize = 80;

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

/// Commits that only one of both has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::kinds) struct Standing {
    ahead: u64,
    behind: u64,
}

impl Standing {
    pub(super) fn relation(self) -> Relation {
        match (self.ahead, self.behind) {
            (0, 0) => Relation::Equal,
            (0, _) => Relation::Behind,
            (_, 0) => Relation::Ahead,
            _ => Relation::Diverged,
        }
    }

    /// `2 behind refs/heads/main`.
    pub(super) fn in_short(self, source: &Source) -> String {
        let name = source.name();
        match self.relation() {
            Relation::Equal => format!("equal to {name}"),
            Relation::Behind => format!("{} behind {name}", self.behind),
            Relation::Ahead => format!("{} ahead of {name}", self.ahead),
            Relation::Diverged => {
                format!("diverged from {name}: {} ahead, {} behind", self.ahead, self.behind)
            }
        }
    }
}

impl Source {
    pub(super) fn check(&self, problems: &mut Vec<Problem>) {
        let mut refuse = |code, message: String| {
            problems.push(Problem::key("source", code, message));
        };
        if let Err(why) = absolute(&self.repository) {
            refuse(Code::WrongType, format!("the path of `repository` {why}"));
        }
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
            (None, Some(commit)) if !is_commit(commit) => {
                refuse(Code::WrongType, "`commit` has 7 to 64 hex digits".into());
            }
            _ => {}
        }
    }

    /// The commit that is compared with, as people say it.
    fn name(&self) -> String {
        let commit = || self.commit.as_ref().map(|commit| commit.get(..SHORT).unwrap_or(commit));
        one_line(self.reference.as_deref().or_else(commit).unwrap_or_default(), WIDTH_MAX)
    }

    /// How a commit that was deployed stands to the one that is named here.
    pub(super) fn look(
        &self,
        host: &Host,
        links: Links,
        deployed: &str,
        may_show: bool,
    ) -> Result<Standing, Unknown> {
        let place = escape(&self.repository);
        let undecidable =
            |what: String| Unknown::new(Reason::Undecidable, format!("`{place}`: {what}"));
        if !is_commit(deployed) {
            let detail =
                format!("the deployed commit is not {PREFIX_MIN} to {PREFIX_MAX} hex digits");
            return Err(Unknown::new(Reason::Malformed, detail));
        }
        let repository = Repository::find(host, Path::new(&self.repository), links)?
            .ok_or_else(|| undecidable("there is no repository to compare with".into()))?;
        let theirs = match (&self.reference, &self.commit) {
            (Some(name), _) => repository.commit_at(host, name)?,
            (None, Some(commit)) => repository.commit_named(host, commit)?,
            (None, None) => None,
        };
        let theirs =
            theirs.ok_or_else(|| undecidable(format!("it does not know {}", self.name())))?;
        if theirs.eq_ignore_ascii_case(deployed) {
            return Ok(Standing { ahead: 0, behind: 0 });
        }
        let ours = repository.commit_named(host, deployed)?.ok_or_else(|| {
            let commit = if may_show { deployed.get(..SHORT).unwrap_or(deployed) } else { "" };
            let commit = format!("the deployed commit {commit}");
            undecidable(format!("it does not know {}", commit.trim_end()))
        })?;
        let distance = repository.distance(host, &ours, &theirs)?;
        Ok(Standing { ahead: distance.ahead, behind: distance.behind })
    }
}

/// Are these the digits of a commit, or the beginning of them?
pub(super) fn is_commit(text: &str) -> bool {
    (PREFIX_MIN..=PREFIX_MAX).contains(&text.len()) && text.bytes().all(|c| c.is_ascii_hexdigit())
}

/// Are these all the digits of a commit?
pub(super) fn is_whole(text: &str) -> bool {
    is_object_id(text)
}
