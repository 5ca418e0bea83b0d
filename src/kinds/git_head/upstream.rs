//! How far what is checked out is from another commit that the repository knows.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::GitHead;
use crate::kinds::{Problem, commit, not_recorded};
use crate::model::{Code, Comparison, Difference, Reason, Unknown};
use crate::probe::git::{Distance, Head, Repository, is_object_id, is_reference};
use crate::probe::host::Host;

/// What was seen of the other commit.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Upstream {
    /// `None`: the repository has no such reference or commit.
    commit: Option<String>,
    /// `None` when there is nothing to count.
    distance: Option<Result<Distance, Unknown>>,
}

pub(super) fn look(
    host: &Host,
    repository: &Repository,
    head: &Head,
    name: &str,
) -> Result<Upstream, Unknown> {
    let Some(commit) = repository.commit_at(host, name)? else {
        return Ok(Upstream { commit: None, distance: None });
    };
    let distance = match &head.commit {
        Some(ours) => repository.distance(host, ours, &commit),
        None => Err(Unknown::new(Reason::Undecidable, "no commit is checked out to count from")),
    };
    Ok(Upstream { commit: Some(commit), distance: Some(distance) })
}

impl GitHead {
    /// The counts that are wanted: key, number, and whether it is only the most there may be.
    fn counts(&self) -> [(&'static str, Option<u64>, bool); 4] {
        [
            ("ahead", self.ahead, false),
            ("ahead_at_most", self.ahead_at_most, true),
            ("behind", self.behind, false),
            ("behind_at_most", self.behind_at_most, true),
        ]
    }

    pub(super) fn check_upstream(&self, problems: &mut Vec<Problem>) {
        let stated = self.counts().into_iter().find(|(_, wanted, _)| wanted.is_some());
        match (&self.upstream, stated) {
            (None, Some((key, ..))) => {
                let message =
                    format!("`{key}` counts commits against `upstream`, and there is none");
                problems.push(Problem::key(key, Code::Contradiction, message));
            }
            (Some(_), None) => {
                let message = "the table does not say how far from `upstream` it may be";
                let hint = "add `ahead`, `behind`, or both; 0 is a number too";
                problems.push(Problem::key("upstream", Code::Empty, message).hint(hint));
            }
            _ => {}
        }
        for (exact, most) in [("ahead", "ahead_at_most"), ("behind", "behind_at_most")] {
            let is_set =
                |key| self.counts().iter().any(|(k, wanted, _)| *k == key && wanted.is_some());
            if is_set(exact) && is_set(most) {
                let message = format!("`{most}` cannot stand beside `{exact}`");
                problems.push(Problem::key(most, Code::Contradiction, message));
            }
        }
        if let Some(name) = &self.upstream
            && !is_reference(name)
            && !is_object_id(name)
        {
            let message = "expected the full name of a reference, or a full commit id";
            let problem = Problem::key("upstream", Code::WrongType, message);
            problems.push(problem.hint("such as `refs/remotes/origin/main`, or `refs/heads/main`"));
        }
    }

    pub(super) fn compare_upstream(
        &self,
        seen: Option<&Result<Upstream, Unknown>>,
        found: &mut Comparison,
    ) {
        let Some(name) = &self.upstream else { return };
        let distance = match seen {
            Some(Err(unknown) | Ok(Upstream { distance: Some(Err(unknown)), commit: Some(_) })) => {
                Err(unknown.clone())
            }
            Some(Ok(Upstream { commit: None, .. })) => {
                found.differences.push(Difference::new("upstream", name.clone(), Value::Null));
                return;
            }
            Some(Ok(Upstream { distance: Some(Ok(distance)), .. })) => Ok(*distance),
            None | Some(Ok(_)) => Err(not_recorded()),
        };
        match distance {
            Err(unknown) => found.blind("upstream", unknown),
            Ok(distance) => {
                for (key, wanted, is_most) in self.counts() {
                    let actual =
                        if key.starts_with("ahead") { distance.ahead } else { distance.behind };
                    let fits = |wanted| if is_most { actual <= wanted } else { actual == wanted };
                    if let Some(wanted) = wanted.filter(|wanted| !fits(*wanted)) {
                        found.differences.push(Difference::new(key, wanted, actual));
                    }
                }
            }
        }
    }

    /// How it stands to `upstream`; `None` where nothing was counted.
    pub(super) fn upstream_brief(
        &self,
        seen: Option<&Result<Upstream, Unknown>>,
    ) -> Option<String> {
        let Upstream { distance, .. } = seen?.as_ref().ok()?;
        let distance = distance.as_ref()?.as_ref().ok()?;
        Some(commit::standing(*distance, self.upstream.as_ref()?))
    }
}
